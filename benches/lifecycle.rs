//! How fast the core is, beside other ways to do the same, measured in turn in one run.
//!
//! `cargo bench -p windlass-benches --bench lifecycle` ends with a table; criterion's figures before it are ours alone,
//! to compare one version with the next.

use std::cell::Cell;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use windlass_benches::rows;
use windlass_benches::table::{CHUNKS, Row, print};

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
        .configure_from_args();
    let rows = rows();
    for row in &rows {
        ours(&mut criterion, row);
    }
    criterion.final_summary();

    if std::env::args().any(|argument| argument == "--bench") {
        print(&rows, 32 * CHUNKS);
    } else {
        // `cargo test --benches` only asks whether it runs.
        rows.iter().flat_map(|row| &row.peers).for_each(|peer| (peer.body)(0));
    }
}

fn ours(criterion: &mut Criterion, row: &Row) {
    let chunk = Cell::new(0);
    let mut group = criterion.benchmark_group(row.what);
    group.throughput(Throughput::Elements(row.calls as u64));
    group.bench_function("windlass", |bencher| {
        bencher.iter(|| {
            chunk.set((chunk.get() + 1) % CHUNKS);
            (row.ours)(chunk.get());
        });
    });
    group.finish();
}
