//! Rows of ours and of peers, measured in turn and printed with what we aim at.

use std::time::Instant;

/// Into how many parts the input of a row is cut.
///
/// Ours and every peer take the same part in turn. A part takes microseconds, so hardly any measurement is cut into by
/// something else that runs on the machine, and no branch predictor remembers a part until it comes again.
pub const CHUNKS: usize = 64;

/// Runs over one part of the input.
pub type Body = Box<dyn Fn(usize)>;

/// Something of ours, and the others that do the same.
pub struct Row {
    /// What is done.
    pub what: &'static str,
    /// How often it is done in one part of the input.
    pub calls: usize,
    /// How we do it.
    pub ours: Body,
    /// What we aim at, whatever the others do.
    pub aim: Option<Aim>,
    /// How others do it.
    pub peers: Vec<Peer>,
    /// How many allocations the first part costs us, which `allocations` checks. Counting them while time is taken
    /// would cost time.
    pub allocations: u64,
}

/// Another way to do the same.
pub struct Peer {
    /// What it is.
    pub name: &'static str,
    /// What we aim at beside it.
    pub aim: Option<Aim>,
    /// How it is done.
    pub body: Body,
}

/// What is good enough.
#[derive(Clone, Copy, Debug)]
pub enum Aim {
    /// At most so many times the peer's time.
    AtMost(f64),
    /// At most so many nanoseconds a call.
    Nanoseconds(f64),
}

impl Aim {
    fn is_met(self, ours: f64, ratio: f64) -> bool {
        match self {
            Self::AtMost(aim) => ratio <= aim,
            Self::Nanoseconds(aim) => ours <= aim,
        }
    }

    fn print(self) -> String {
        match self {
            Self::AtMost(aim) => format!("<= {aim:.2}"),
            Self::Nanoseconds(aim) => format!("<= {aim:.0} ns"),
        }
    }
}

/// Measures the rows and prints a line for each peer.
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
pub fn print(rows: &[Row], rounds: usize) {
    println!(
        "\n{:<34} {:>9}  {:<26} {:>9} {:>6} {:>10} {:>6} {:>11}",
        "", "ours, ns", "beside", "its, ns", "ratio", "aim", "", "allocations"
    );
    for row in rows {
        let [ours, its @ ..] = &medians(row, rounds)[..] else { continue };
        let each = |time: f64| time / row.calls as f64;
        let allocations = row.allocations as f64 / row.calls as f64;
        let line = |name: &str, its: Option<f64>, aim: Option<Aim>| {
            let ratio = its.map_or(f64::NAN, |its| ours / its);
            let met = aim.map(|aim| if aim.is_met(each(*ours), ratio) { "met" } else { "MISSED" });
            println!(
                "{:<34} {:>9.2}  {name:<26} {:>9} {:>6} {:>10} {:>6} {allocations:>11.2}",
                row.what,
                each(*ours),
                its.map_or_else(String::new, |its| format!("{:.2}", each(its))),
                its.map_or_else(String::new, |_| format!("{ratio:.2}")),
                aim.map_or_else(String::new, Aim::print),
                met.unwrap_or_default(),
            );
        };
        if row.peers.is_empty() || row.aim.is_some() {
            line("", None, row.aim);
        }
        for (peer, its) in row.peers.iter().zip(its) {
            line(peer.name, Some(*its), peer.aim);
        }
    }
}

/// The middle of the times, in nanoseconds: ours, then each peer's.
fn medians(row: &Row, rounds: usize) -> Vec<f64> {
    let bodies: Vec<_> = core::iter::once(&row.ours).chain(row.peers.iter().map(|peer| &peer.body)).collect();
    let mut times = vec![Vec::new(); bodies.len()];
    for round in 0..rounds {
        // Whoever comes first finds the input cold, so each does in turn.
        for turn in 0..bodies.len() {
            let who = (round + turn) % bodies.len();
            times[who].push(time(bodies[who], round % CHUNKS));
        }
    }
    let middle = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    times.into_iter().map(middle).collect()
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn time(body: &Body, chunk: usize) -> f64 {
    let before = Instant::now();
    body(chunk);
    before.elapsed().as_nanos() as f64
}
