//! How much memory there is: the machine's, or less if a control group says so.
//!
//! Source: cgroups(7), Linux Documentation/admin-guide/cgroup-v2.rst.

use std::fs;
use std::path::{Path, PathBuf};

/// Memory that this process may use, in bytes; `None` where the system does not tell.
#[must_use]
pub fn bytes() -> Option<u64> {
    bytes_below(Path::new("/"))
}

fn bytes_below(root: &Path) -> Option<u64> {
    let read = |path: &Path| fs::read_to_string(path).ok();
    let meminfo = read(&root.join("proc/meminfo")).and_then(|text| total(&text));
    let groups = read(&root.join("proc/self/cgroup")).unwrap_or_default();
    let limits = limit_files(&groups).into_iter().filter_map(|file| read(&root.join(file))?.trim().parse::<u64>().ok());
    limits.chain(meminfo).min()
}

/// `MemTotal:  32795880 kB`
fn total(meminfo: &str) -> Option<u64> {
    let kib = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    kib.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The files with limits of the groups of this process and of all groups above them, relative to the root directory.
/// A file that is not there is no limit; one without a limit holds `max` or a huge number.
fn limit_files(groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let (mount, file) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max"),
            list if list.split(',').any(|name| name == "memory") => ("sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        // Inside a container the path may be that of the host; the root of the mount is then the container's group.
        for group in Path::new(path.trim_start_matches('/')).ancestors() {
            files.push(Path::new(mount).join(group).join(file));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A root directory with some files in it, removed at the end.
    struct Root(PathBuf);

    impl Root {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("lithify-memory-{name}-{}", std::process::id()));
            for (path, text) in files {
                let path = root.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Self(root)
        }
    }

    impl Drop for Root {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal:        1000 kB\nMemFree: 1 kB\n");

    #[test]
    fn the_smallest_limit_counts() {
        for (name, files, expected) in [
            ("none", &[] as &[(&str, &str)], None),
            ("machine", &[MEMINFO], Some(1_024_000)),
            (
                "second",
                &[
                    MEMINFO,
                    ("proc/self/cgroup", "0::/a.slice/b.service\n"),
                    ("sys/fs/cgroup/a.slice/memory.max", "4096\n"),
                    ("sys/fs/cgroup/a.slice/b.service/memory.max", "max\n"),
                ],
                Some(4096),
            ),
            (
                "container",
                &[MEMINFO, ("proc/self/cgroup", "0::/host/path\n"), ("sys/fs/cgroup/memory.max", "8192\n")],
                Some(8192),
            ),
            (
                "first",
                &[
                    MEMINFO,
                    ("proc/self/cgroup", "3:cpu,cpuacct:/x\n2:memory:/docker/1\n"),
                    ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
                    ("sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "2048\n"),
                ],
                Some(2048),
            ),
        ] {
            let root = Root::new(name, files);
            assert_eq!(bytes_below(&root.0), expected, "{name}");
        }
    }
}
