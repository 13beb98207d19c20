//! The two formats in text.

use prometheus::proto::{Histogram, LabelPair, Metric, MetricFamily, MetricType};

use super::number;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Prometheus text, 0.0.4.
    Prometheus,
    /// OpenMetrics, 1.0.0 and the draft before it.
    OpenMetrics,
}

impl Dialect {
    fn number(self, value: f64) -> String {
        match self {
            Self::Prometheus => number::go(value),
            Self::OpenMetrics => number::open(value),
        }
    }

    /// What families are announced as: OpenMetrics leaves the suffix of counters to their samples.
    fn family(self, family: &MetricFamily) -> &str {
        let name = family.name();
        match (self, family.get_field_type()) {
            (Self::OpenMetrics, MetricType::COUNTER) => name.strip_suffix("_total").unwrap_or(name),
            _ => name,
        }
    }

    fn kind(self, family: &MetricFamily) -> &'static str {
        match family.get_field_type() {
            // Without the suffix it would be no counter in OpenMetrics.
            MetricType::COUNTER if self == Self::OpenMetrics && !family.name().ends_with("_total") => "unknown",
            MetricType::COUNTER => "counter",
            MetricType::GAUGE => "gauge",
            MetricType::HISTOGRAM => "histogram",
            MetricType::SUMMARY => "summary",
            MetricType::UNTYPED => match self {
                Self::Prometheus => "untyped",
                Self::OpenMetrics => "unknown",
            },
        }
    }

    fn help(self, text: &str) -> String {
        let text = text.replace('\\', "\\\\").replace('\n', "\\n");
        if self == Self::OpenMetrics { text.replace('"', "\\\"") } else { text }
    }
}

/// The families in text. Summaries are left out: this program has none.
pub(super) fn encode(families: &[MetricFamily], dialect: Dialect) -> String {
    let mut out = String::new();
    for family in families {
        let name = dialect.family(family);
        out.push_str(&format!("# HELP {name} {}\n", dialect.help(family.help())));
        out.push_str(&format!("# TYPE {name} {}\n", dialect.kind(family)));
        for metric in family.get_metric() {
            push_metric(&mut out, family, metric, dialect);
        }
    }
    if dialect == Dialect::OpenMetrics {
        out.push_str("# EOF\n");
    }
    out
}

fn push_metric(out: &mut String, family: &MetricFamily, metric: &Metric, dialect: Dialect) {
    let (name, labels) = (family.name(), metric.get_label());
    let mut push = |value: f64| {
        out.push_str(&format!("{name}{} {}\n", braced(labels, None), dialect.number(value)));
    };
    match family.get_field_type() {
        MetricType::COUNTER => push(metric.get_counter().get_value()),
        MetricType::GAUGE => push(metric.get_gauge().get_value()),
        MetricType::HISTOGRAM => push_histogram(out, (name, labels), metric.get_histogram(), dialect),
        MetricType::SUMMARY | MetricType::UNTYPED => {}
    }
}

fn push_histogram(out: &mut String, (name, labels): (&str, &[LabelPair]), histogram: &Histogram, dialect: Dialect) {
    let count = histogram.get_sample_count();
    let finite = histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite());
    let finite = finite.map(|bucket| (dialect.number(bucket.upper_bound()), bucket.cumulative_count()));
    for (bound, below) in finite.chain([("+Inf".to_owned(), count)]) {
        out.push_str(&format!("{name}_bucket{} {below}\n", braced(labels, Some(&bound))));
    }
    let (labels, sum) = (braced(labels, None), dialect.number(histogram.get_sample_sum()));
    out.push_str(&format!("{name}_sum{labels} {sum}\n{name}_count{labels} {count}\n"));
}

/// Labels as they stand behind a name, the bound of a bucket last.
fn braced(labels: &[LabelPair], bound: Option<&str>) -> String {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
    let mut pairs: Vec<_> =
        labels.iter().map(|label| format!("{}=\"{}\"", label.name(), escaped(label.value()))).collect();
    pairs.extend(bound.map(|bound| format!("le=\"{bound}\"")));
    if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) }
}

#[cfg(test)]
mod tests {
    use prometheus::{Counter, GaugeVec, HistogramOpts, HistogramVec, Opts, Registry};

    use super::*;

    fn families() -> Vec<MetricFamily> {
        let registry = Registry::new();
        let counter = Counter::new("c_total", "Counts.").unwrap();
        let odd = Counter::new("odd", "x").unwrap();
        let gauge = GaugeVec::new(Opts::new("g", "A \"gauge\"\nof \\ two lines"), &["path"]).unwrap();
        let histogram =
            HistogramVec::new(HistogramOpts::new("h", "h").buckets(vec![1.0, 1_048_576.0]), &["x"]).unwrap();
        for family in [&counter, &odd] {
            registry.register(Box::new(family.clone())).unwrap();
        }
        registry.register(Box::new(gauge.clone())).unwrap();
        registry.register(Box::new(histogram.clone())).unwrap();
        counter.inc_by(2_000_000.0);
        gauge.with_label_values(&["a\\b\"c\nd"]).set(f64::NAN);
        histogram.with_label_values(&["y"]).observe(1.0);
        histogram.with_label_values(&["y"]).observe(2e9);
        registry.gather()
    }

    #[test]
    fn text_is_what_the_reference_prints() {
        let expected = "# HELP c_total Counts.\n# TYPE c_total counter\nc_total 2e+06\n\
            # HELP g A \"gauge\"\\nof \\\\ two lines\n# TYPE g gauge\ng{path=\"a\\\\b\\\"c\\nd\"} NaN\n\
            # HELP h h\n# TYPE h histogram\n\
            h_bucket{x=\"y\",le=\"1\"} 1\nh_bucket{x=\"y\",le=\"1.048576e+06\"} 1\nh_bucket{x=\"y\",le=\"+Inf\"} 2\n\
            h_sum{x=\"y\"} 2.000000001e+09\nh_count{x=\"y\"} 2\n\
            # HELP odd x\n# TYPE odd counter\nodd 0\n";
        assert_eq!(encode(&families(), Dialect::Prometheus), expected);
    }

    #[test]
    fn open_metrics_names_counters_by_their_family_and_ends_with_eof() {
        let expected = "# HELP c Counts.\n# TYPE c counter\nc_total 2e+06\n\
            # HELP g A \\\"gauge\\\"\\nof \\\\ two lines\n# TYPE g gauge\ng{path=\"a\\\\b\\\"c\\nd\"} NaN\n\
            # HELP h h\n# TYPE h histogram\n\
            h_bucket{x=\"y\",le=\"1.0\"} 1\nh_bucket{x=\"y\",le=\"1.048576e+06\"} 1\nh_bucket{x=\"y\",le=\"+Inf\"} 2\n\
            h_sum{x=\"y\"} 2.000000001e+09\nh_count{x=\"y\"} 2\n\
            # HELP odd x\n# TYPE odd unknown\nodd 0.0\n# EOF\n";
        assert_eq!(encode(&families(), Dialect::OpenMetrics), expected);
    }
}
