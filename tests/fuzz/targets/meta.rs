//! meta.json of any bytes: decodes or fails with a reason. What decodes prints as something that decodes to the same and
//! prints the same; user-defined parts may lose what a 64-bit float cannot hold, once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify_block::Meta;

fuzz_target!(|text: &[u8]| {
    let Ok(mut meta) = Meta::from_json(text) else { return };
    let _ = (meta.check_version(), meta.check_thanos_version(), meta.index_size_bytes());
    let printed = meta.to_json();
    let mut again = Meta::from_json(printed.as_bytes()).expect("what was printed decodes");
    assert_eq!(again.to_json(), printed);
    for meta in [&mut meta, &mut again] {
        (meta.thanos.extensions, meta.thanos.rewrites) = (None, None);
    }
    assert_eq!(again, meta);
});
