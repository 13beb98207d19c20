//! What the process takes from the machine, and what was built: `process_*`, `thanos_build_info`, `lithify_build_info`.
//!
//! Names and meanings are those of the Prometheus client for Go, which dashboards know. On systems without `/proc` the
//! `process_*` families are empty. There is no Go runtime, so there is no `go_*` and no `goversion`.
//!
//! Source: compactor specification 11.5; proc(5).

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, Opts, Registry};

use crate::version;

/// Ticks a second in `/proc`: the kernel converts to this on every architecture.
const TICKS_A_SECOND: f64 = 100.0;

/// Registers everything of this file.
///
/// # Errors
/// When `registry` has one of the families already.
pub fn register(registry: &Registry) -> Result<(), prometheus::Error> {
    registry.register(Box::new(ProcessCollector::new(PathBuf::from("/proc"))?))?;
    let help = "A metric with a constant '1' value labeled by version, revision, branch, goversion from which thanos was \
                built, and the goos and goarch for the build.";
    let labels = [
        ("branch", version::BRANCH),
        ("goarch", version::architecture()),
        ("goos", std::env::consts::OS),
        ("goversion", ""),
        ("revision", version::REVISION),
        ("tags", ""),
        ("version", version::VERSION),
    ];
    constant_one(registry, "thanos_build_info", help, &labels)?;
    let help = "A metric with a constant '1' value labeled by what this program was built from.";
    let labels = [("branch", version::BRANCH), ("revision", version::REVISION), ("version", version::VERSION)];
    constant_one(registry, "lithify_build_info", help, &labels)
}

fn constant_one(registry: &Registry, name: &str, help: &str, labels: &[(&str, &str)]) -> Result<(), prometheus::Error> {
    let labels: HashMap<String, String> =
        labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let gauge = Gauge::with_opts(Opts::new(name, help).const_labels(labels))?;
    gauge.set(1.0);
    registry.register(Box::new(gauge))
}

/// What one look at `/proc` finds; what cannot be read is left out.
type Found = HashMap<&'static str, f64>;

/// Name and help of each gauge.
const GAUGES: [(&str, &str); 6] = [
    ("process_max_fds", "Maximum number of open file descriptors."),
    ("process_open_fds", "Number of open file descriptors."),
    ("process_resident_memory_bytes", "Resident memory size in bytes."),
    ("process_start_time_seconds", "Start time of the process since unix epoch in seconds."),
    ("process_virtual_memory_bytes", "Virtual memory size in bytes."),
    ("process_virtual_memory_max_bytes", "Maximum amount of virtual memory available in bytes."),
];

/// Name and help of each counter.
const COUNTERS: [(&str, &str); 3] = [
    ("process_cpu_seconds_total", "Total user and system CPU time spent in seconds."),
    ("process_network_receive_bytes_total", "Number of bytes received by the process over the network."),
    ("process_network_transmit_bytes_total", "Number of bytes sent by the process over the network."),
];

struct ProcessCollector {
    proc: PathBuf,
    families: Mutex<Families>,
}

struct Families {
    gauges: Vec<(&'static str, Gauge)>,
    counters: Vec<(&'static str, Counter)>,
}

impl ProcessCollector {
    fn new(proc: PathBuf) -> Result<Self, prometheus::Error> {
        let gauges: Result<_, prometheus::Error> =
            GAUGES.iter().map(|(name, help)| Ok((*name, Gauge::new(*name, *help)?))).collect();
        let counters: Result<_, prometheus::Error> =
            COUNTERS.iter().map(|(name, help)| Ok((*name, Counter::new(*name, *help)?))).collect();
        Ok(Self { proc, families: Mutex::new(Families { gauges: gauges?, counters: counters? }) })
    }

    fn with<T>(&self, look: impl FnOnce(&Families) -> T) -> T {
        look(&self.families.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Collector for ProcessCollector {
    fn desc(&self) -> Vec<&Desc> {
        // Families are behind a lock, so no description can be lent; a registry takes an unchecked collector as well.
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let found = look(&self.proc);
        // One scrape at a time: the counters are set anew, which is no single step.
        self.with(|families| {
            let mut all = Vec::new();
            for (name, gauge) in &families.gauges {
                if let Some(value) = found.get(name) {
                    gauge.set(*value);
                    all.extend(gauge.collect());
                }
            }
            for (name, counter) in &families.counters {
                if let Some(value) = found.get(name) {
                    counter.reset();
                    counter.inc_by(*value);
                    all.extend(counter.collect());
                }
            }
            all
        })
    }
}

fn look(proc: &Path) -> Found {
    let read = |name: &str| fs::read_to_string(proc.join(name)).unwrap_or_default();
    let mut found = Found::new();
    from_stat(&read("self/stat"), &read("stat"), &mut found);
    from_status(&read("self/status"), &mut found);
    from_limits(&read("self/limits"), &mut found);
    from_netstat(&read("self/net/netstat"), &mut found);
    if let Ok(entries) = fs::read_dir(proc.join("self/fd")) {
        // The directory that is being read is open itself and counts, as it does in the reference.
        found.insert("process_open_fds", u32::try_from(entries.count()).unwrap_or(u32::MAX).into());
    }
    found
}

/// `/proc/self/stat` and, for the time when the machine was started, `/proc/stat`.
fn from_stat(process: &str, machine: &str, found: &mut Found) {
    // The second field is the name of the program in parentheses, with any character inside.
    let Some((_, fields)) = process.rsplit_once(')') else { return };
    let field = |number: usize| fields.split_whitespace().nth(number - 3).and_then(|text| text.parse::<f64>().ok());
    if let (Some(user), Some(system)) = (field(14), field(15)) {
        found.insert("process_cpu_seconds_total", (user + system) / TICKS_A_SECOND);
    }
    if let Some(bytes) = field(23) {
        found.insert("process_virtual_memory_bytes", bytes);
    }
    let boot = machine.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<f64>().ok());
    if let (Some(boot), Some(start)) = (boot, field(22)) {
        found.insert("process_start_time_seconds", boot + start / TICKS_A_SECOND);
    }
}

/// `/proc/self/status`.
fn from_status(status: &str, found: &mut Found) {
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    if let Some(kib) = resident.and_then(|text| text.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()) {
        found.insert("process_resident_memory_bytes", kib * 1024.0);
    }
}

/// `/proc/self/limits`; a limit that does not exist is the largest number, as in the reference.
fn from_limits(limits: &str, found: &mut Found) {
    /// 2^64, which is what the largest unsigned number is as a float.
    const UNLIMITED: f64 = 18_446_744_073_709_551_616.0;
    for (label, name) in
        [("Max open files", "process_max_fds"), ("Max address space", "process_virtual_memory_max_bytes")]
    {
        let soft = limits.lines().find_map(|line| line.strip_prefix(label)?.split_whitespace().next());
        let value = soft.and_then(|text| if text == "unlimited" { Some(UNLIMITED) } else { text.parse().ok() });
        found.extend(value.map(|value| (name, value)));
    }
}

/// `/proc/self/net/netstat`: a line of names and a line of numbers for each protocol.
fn from_netstat(netstat: &str, found: &mut Found) {
    let mut lines = netstat.lines().filter_map(|line| line.strip_prefix("IpExt:"));
    let (Some(names), Some(numbers)) = (lines.next(), lines.next()) else { return };
    for (name, number) in names.split_whitespace().zip(numbers.split_whitespace()) {
        let metric = match name {
            "InOctets" => "process_network_receive_bytes_total",
            "OutOctets" => "process_network_transmit_bytes_total",
            _ => continue,
        };
        found.extend(number.parse::<f64>().ok().map(|bytes| (metric, bytes)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_kernel_are_read() {
        let mut found = Found::new();
        let stat =
            "42 (a) b) S 1 42 42 0 -1 4194560 93 0 0 0 150 50 0 0 20 0 3 0 2000 10485760 250 18446744073709551615";
        from_stat(stat, "cpu  1 2\nbtime 1740787200\n", &mut found);
        from_status("Name:\tx\nVmSize:\t 1 kB\nVmRSS:\t    1000 kB\n", &mut found);
        from_limits(
            "Limit  Soft Limit  Hard Limit  Units\nMax open files  1024  4096  files\nMax address space  unlimited  unlimited  bytes\n",
            &mut found,
        );
        from_netstat("TcpExt: A\nTcpExt: 1\nIpExt: InNoRoutes InOctets OutOctets\nIpExt: 0 123 456\n", &mut found);
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_by_key(|(name, _)| *name);
        assert_eq!(
            found,
            [
                ("process_cpu_seconds_total", 2.0),
                ("process_max_fds", 1024.0),
                ("process_network_receive_bytes_total", 123.0),
                ("process_network_transmit_bytes_total", 456.0),
                ("process_resident_memory_bytes", 1_024_000.0),
                ("process_start_time_seconds", 1_740_787_220.0),
                ("process_virtual_memory_bytes", 10_485_760.0),
                ("process_virtual_memory_max_bytes", 18_446_744_073_709_551_616.0),
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        for text in ["", "1", "1 (a) S", "VmRSS: many kB", "Max open files", "IpExt: InOctets\nIpExt:"] {
            let mut found = Found::new();
            from_stat(text, text, &mut found);
            from_status(text, &mut found);
            from_limits(text, &mut found);
            from_netstat(text, &mut found);
            assert_eq!(found, Found::new(), "{text}");
        }
        let collector = ProcessCollector::new(PathBuf::from("/no/such/directory")).unwrap();
        assert!(collector.collect().is_empty());
    }

    #[test]
    fn the_families_can_be_registered_and_scraped_twice() {
        let registry = Registry::new();
        register(&registry).unwrap();
        for _ in 0..2 {
            let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
            assert!(text.contains("\nthanos_build_info{branch="), "{text}");
            assert!(text.contains("\nlithify_build_info{branch="), "{text}");
            if cfg!(target_os = "linux") {
                assert!(text.contains("\n# TYPE process_cpu_seconds_total counter\n"), "{text}");
                assert!(text.contains("\nprocess_open_fds "), "{text}");
            }
        }
    }
}
