//! How a command ended, and what it said.

use windlass_jail::Ended;

use crate::Cell;

#[tokio::test]
async fn exit_codes_and_signals_are_told() {
    for cell in Cell::all() {
        for (script, ended) in
            [("true", Ended::Code(0)), ("exit 42", Ended::Code(42)), ("kill -TERM $$", Ended::Signal(15))]
        {
            assert_eq!(cell.run(script).await.ended, ended, "{:?}: {script}", cell.place);
        }
    }
}

#[tokio::test]
async fn output_and_errors_come_in_order() {
    for cell in Cell::all() {
        let seen = cell.run("for i in 1 2 3; do echo out $i; echo err $i >&2; done").await;
        assert_eq!(seen.output, "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n", "{:?}", cell.place);
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    for cell in Cell::all() {
        let mut run = cell.script("");
        run.program = "no-such-program".into();
        let error = cell.jail.spawn(&run).await.unwrap_err().to_string();
        assert!(error.contains("could not start no-such-program in /"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_know_the_jail_is_told_so() {
    let mut cell = Cell::new(crate::Place::Full);
    cell.jail.program = "/bin/cat".into();
    let error = cell.jail.probe().unwrap_err().to_string();
    assert!(
        error.contains("the jail ended before the command began") && error.contains("jail: No such file"),
        "{error}"
    );
}
