//! README's section of differences, entry by entry, with the test that holds each.
//!
//! What no other test shows stands below the table.

use std::{fs, path::Path};

use lithify_kit::s3::{Fault, Server};

use crate::{
    program::{compact, copy, data, files, filesystem, log},
    running::Running,
};

/// How an entry begins, the file with its test, and the test's name.
const HELD: [(&str, &str, &str); 23] = [
    ("No scratch disk", HERE, "nothing_of_a_block_lies_in_the_data_directory"),
    (
        "A directory is a block only if",
        "host/bucket/src/layout.rs",
        "only_what_lies_in_a_directory_with_a_canonical_id_belongs_to_a_block",
    ),
    (
        "A block whose `meta.json` names another",
        "host/block/src/job.rs",
        "a_block_whose_meta_json_names_another_is_refused_and_overlaps_nothing",
    ),
    (
        "Of blocks with equal sources",
        "host/compactor/src/superseded.rs",
        "of_equal_blocks_the_unmarked_then_the_later_made_then_the_oldest_stays",
    ),
    ("Blocks that start at the same time", "tests/it/behaviour.rs", "whole_buckets_end_as_the_reference_leaves_them"),
    ("SIGTERM or SIGINT", "tests/it/signals.rs", "while_it_uploads"),
    ("`--x=true` and `--x=false`", "host/cli/src/flags/tests.rs", "a_switch_takes_a_negation_and_a_value"),
    ("`--compact.memory-budget`", "tests/it/cli/http.rs", "flags_of_the_viewer_change_the_answers_as_in_the_reference"),
    (
        "A broken block or group",
        "host/compactor/tests/it/isolation.rs",
        "a_broken_block_is_left_out_and_the_rest_of_its_group_goes_on",
    ),
    (
        "A block with chunks of Prometheus issue 347",
        "tests/it/behaviour.rs",
        "whole_buckets_end_as_the_reference_leaves_them",
    ),
    ("A merge that yields nothing", HERE, "a_plan_that_comes_back_unchanged_is_tried_once_an_iteration"),
    (
        "A deletion mark that names another",
        "host/compactor/tests/order/cleaning.rs",
        "a_mark_that_names_another_block_deletes_neither",
    ),
    ("A no-downsample mark on a 5m block", "tests/it/behaviour.rs", "whole_buckets_end_as_the_reference_leaves_them"),
    ("A mark removed by hand", HERE, "a_mark_removed_by_hand_is_noticed_at_the_next_sync"),
    ("Concurrencies and intervals of zero", "host/cli/tests/usage.rs", "compact_refuses_at_start_up_with_a_log_line"),
    (
        "A mark that a planner has just set",
        "tests/it/behaviour/waiting.rs",
        "the_first_iteration_counts_what_the_reference_counts_and_sigterm_ends_it",
    ),
    (
        "`--http.config` refuses",
        "host/cli/tests/web_file/main.rs",
        "what_cannot_be_done_is_refused_with_a_reason_and_without_secrets",
    ),
    ("In place of the viewer", "tests/it/cli/http.rs", "each_request_is_answered_as_in_the_reference"),
    (
        "`err` of `/api/v1/blocks`",
        "host/cli/src/http/api.rs",
        "blocks_are_printed_in_one_line_and_in_the_order_of_meta_json",
    ),
    (
        "Metrics that begin with `lithify_`",
        "tests/it/cli/families.rs",
        "families_have_the_names_types_and_labels_of_the_reference",
    ),
    ("The program calls itself `lithify`", "tests/it/cli/usage.rs", "command_lines_end_as_in_the_reference"),
    ("Traces go to `OTLP` and `JAEGER`", "tests/it/cli/traces.rs", "a_collector_is_sent_the_spans_of_the_reference"),
    ("There are no Go profiles", "tests/it/cli/profile.rs", "a_profile_of_the_program_at_work_names_what_it_does"),
];

const HERE: &str = "tests/it/cli/differences.rs";

#[test]
fn every_difference_in_readme_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let told = super::differences();
    let entries: Vec<_> = told.split("- ").map(str::trim).filter(|entry| !entry.is_empty()).collect();
    for (start, file, test) in HELD {
        assert!(entries.iter().any(|entry| entry.starts_with(start)), "README does not tell: {start}");
        let text = fs::read_to_string(root.join(file)).unwrap_or_default();
        assert!(text.contains(&format!("fn {test}(")), "{start}: {file} has no test {test}");
    }
    let not_held = entries.iter().filter(|entry| !HELD.iter().any(|(start, ..)| entry.starts_with(start)));
    assert_eq!(not_held.collect::<Vec<_>>(), [&""; 0]);
}

#[test]
fn nothing_of_a_block_lies_in_the_data_directory() {
    let work = tempfile::tempdir().unwrap();
    let bucket = work.path().join("bucket");
    copy(&data("bytes/plain/in"), &bucket);
    assert!(compact(&filesystem(&bucket), work.path(), &[]).output().unwrap().status.success());
    let kept = files(&work.path().join("data"));
    assert!(!kept.is_empty());
    let of_a_block = kept.keys().filter(|name| name.ends_with("index") || name.contains("chunks"));
    assert_eq!(of_a_block.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn a_mark_removed_by_hand_is_noticed_at_the_next_sync() {
    let work = tempfile::tempdir().unwrap();
    let bucket = work.path().join("bucket");
    copy(&data("bytes/plain/in"), &bucket);
    let blocks: Vec<_> = fs::read_dir(&bucket).unwrap().map(|entry| entry.unwrap().path()).collect();
    let marks: Vec<_> = blocks.iter().map(|block| block.join("no-compact-mark.json")).collect();
    for (block, mark) in blocks.iter().zip(&marks) {
        let id = block.file_name().unwrap().to_string_lossy();
        let text = format!("{{\"id\":\"{id}\",\"version\":1,\"no_compact_time\":1740787200,\"reason\":\"manual\"}}");
        fs::write(mark, text).unwrap();
    }
    let flags = ["--wait", "--wait-interval=1s"];
    let mut running = Running::start(compact(&filesystem(&bucket), work.path(), &flags));
    assert!(running.until(&["iteration is over"]).contains("compactions=0"), "{}", running.log);
    marks.iter().for_each(|mark| fs::remove_file(mark).unwrap());
    running.until(&["compacted blocks"]);
    assert_eq!(running.terminate().0.code(), Some(0));
}

/// A store that says that it has taken what it then has not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_comes_back_unchanged_is_tried_once_an_iteration() {
    let server = Server::start().await;
    for (name, content) in files(&data("bytes/plain/in")) {
        server.put(&name, content);
    }
    let before = server.objects();
    server.fail("PUT /bucket/", usize::MAX, Fault::Page(200));
    let work = tempfile::tempdir().unwrap();
    let output = compact(&server.yaml(""), work.path(), &[]).output().unwrap();
    let log = log(&output);
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert!(log.contains("the same plan came back in one iteration"), "{log}");
    assert!(server.objects() == before);
}
