//! Families as protocol buffers, each behind its length.
//!
//! Source: prometheus/client_model io/prometheus/client/metrics.proto.

use prometheus::proto::{Metric, MetricFamily, MetricType};

use crate::protobuf::Message;

/// The families. Summaries are left out: this program has none.
pub(super) fn encode(families: &[MetricFamily]) -> Vec<u8> {
    let mut out = Vec::new();
    for family in families {
        let kind = match family.get_field_type() {
            MetricType::COUNTER => 0,
            MetricType::GAUGE => 1,
            MetricType::HISTOGRAM => 4,
            MetricType::SUMMARY | MetricType::UNTYPED => continue,
        };
        let head = Message::default().bytes(1, family.name().as_bytes()).bytes(2, family.help().as_bytes());
        let message = family
            .get_metric()
            .iter()
            .fold(head.uint(3, kind), |message, one| message.message(4, &metric(one, family.get_field_type())));
        message.push_to(&mut out);
    }
    out
}

fn metric(metric: &Metric, kind: MetricType) -> Message {
    let labels = metric.get_label().iter().fold(Message::default(), |message, label| {
        let pair = Message::default().bytes(1, label.name().as_bytes()).bytes(2, label.value().as_bytes());
        message.message(1, &pair)
    });
    let value = |value: f64| Message::default().double(1, value);
    match kind {
        MetricType::COUNTER => labels.message(3, &value(metric.get_counter().get_value())),
        MetricType::GAUGE => labels.message(2, &value(metric.get_gauge().get_value())),
        MetricType::HISTOGRAM => labels.message(7, &histogram(metric)),
        MetricType::SUMMARY | MetricType::UNTYPED => labels,
    }
}

fn histogram(metric: &Metric) -> Message {
    let histogram = metric.get_histogram();
    let head = Message::default().uint(1, histogram.get_sample_count()).double(2, histogram.get_sample_sum());
    let finite = histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite());
    finite.fold(head, |message, bucket| {
        let bucket = Message::default().uint(1, bucket.cumulative_count()).double(2, bucket.upper_bound());
        message.message(3, &bucket)
    })
}

#[cfg(test)]
mod tests {
    use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

    use super::*;

    #[test]
    fn families_are_laid_out_as_the_schema_says() {
        let registry = Registry::new();
        let counter = IntCounterVec::new(Opts::new("c", "C"), &["l"]).unwrap();
        let histogram = HistogramVec::new(HistogramOpts::new("h", "H").buckets(vec![2.0]), &[]).unwrap();
        registry.register(Box::new(counter.clone())).unwrap();
        registry.register(Box::new(histogram.clone())).unwrap();
        counter.with_label_values(&["v"]).inc();
        histogram.with_label_values(&[] as &[&str]).observe(1.0);
        let one = [0, 0, 0, 0, 0, 0, 0xf0, 0x3f];
        let two = [0, 0, 0, 0, 0, 0, 0, 0x40];
        let mut expected = vec![29, 0x0a, 1, b'c', 0x12, 1, b'C', 0x18, 0, 0x22, 19];
        expected.extend([0x0a, 6, 0x0a, 1, b'l', 0x12, 1, b'v', 0x1a, 9, 0x09]);
        expected.extend(one);
        expected.extend([36, 0x0a, 1, b'h', 0x12, 1, b'H', 0x18, 4, 0x22, 26, 0x3a, 24, 0x08, 1, 0x11]);
        expected.extend(one);
        expected.extend([0x1a, 11, 0x08, 1, 0x11]);
        expected.extend(two);
        assert_eq!(encode(&registry.gather()), expected);
    }
}
