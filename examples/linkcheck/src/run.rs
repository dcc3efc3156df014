//! One run, from the arguments to the exit status.

use std::{
    error::Error,
    fmt::Display,
    io::{self, Write as _, stderr, stdout},
    process::{ExitCode, exit},
    sync::Arc,
    time::Duration,
};

use linkcheck_core::{Settings, check, effect::Effect, report::Report};
use stillpoint::{Executor, JoinError, JoinHandle, Teardown, tokio::Driver};
use tokio::{runtime, select, signal::ctrl_c, sync::watch, time::sleep};

use crate::{
    http::Client,
    options::{Format, Options},
    progress::Progress,
    shell::Terminal,
    starts::Starts,
    stats,
};

const BROKEN: u8 = 1;
const MISUSE: u8 = 2;
/// What a program that Ctrl-C has ended gives to its shell.
const INTERRUPTED: u8 = 130;
/// How many effects may wait to be performed. Beyond that the core waits, and progress that nobody could show in time is
/// not told.
const UNTAKEN: usize = 1024;

/// Checks what the options name, prints what was found, and says how the process is to end.
pub fn run(options: Options) -> ExitCode {
    let status = try_run(options).unwrap_or_else(|error| {
        complain(error);
        MISUSE
    });
    ExitCode::from(status)
}

fn try_run(options: Options) -> Result<u8, Box<dyn Error>> {
    let settings = options.settings()?;
    // One worker, for the executor and its handlers: to hand each effect to another thread costs more than it saves.
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let outcome = runtime
        .block_on(drive(&options, settings))
        .and_then(|(report, teardown)| conclude(&options, &report, &teardown));
    // A file system that does not answer must not keep the process. Until here, a second Ctrl-C is heard.
    runtime.shutdown_background();
    outcome
}

/// Prints what there is to say, and gives the exit status.
fn conclude(
    options: &Options,
    report: &Report,
    teardown: &Teardown<Effect>,
) -> Result<u8, Box<dyn Error>> {
    print(options, report)?;
    if options.stats {
        tell(&format!("{}\n", stats::line(teardown)));
    }
    Ok(if report.summary.interrupted {
        INTERRUPTED
    } else if !report.unread.is_empty() {
        MISUSE
    } else if !report.findings.is_empty() {
        BROKEN
    } else {
        0
    })
}

/// Runs the core to its end, and its executor to rest.
async fn drive(
    options: &Options,
    settings: Settings,
) -> Result<(Report, Teardown<Effect>), Box<dyn Error>> {
    let client = match options.offline {
        true => None,
        // The core watches the time; this is for what it may have forgotten.
        false => Some(Client::new(options.timeout.saturating_mul(2))?),
    };
    let terminal = Arc::new(Terminal {
        starts: Starts::walk(options.starts.clone(), options.root.clone()),
        client,
        progress: Progress::new(options.shows_progress()),
        stop: stop(),
    });
    let executor = Executor::builder().outbox_capacity(UNTAKEN).build();
    let (spawner, shell) = (executor.spawner(), executor.shell());
    let driver = Driver::new(executor, move |effect| {
        terminal.show(&effect);
        let terminal = Arc::clone(&terminal);
        async move { terminal.perform(effect).await }
    });
    let checking = check(spawner.clone(), shell, settings);
    let checked = spawner.name("check").spawn(checking);
    let report = match options.inspect {
        Some(every) => inspected(checked, &driver, every).await,
        None => checked.await,
    };
    drop(spawner);
    let teardown = driver.shutdown().await;
    Ok((report?, teardown))
}

/// Awaits the end of the check, and meanwhile prints what its executor holds.
async fn inspected(
    mut checked: JoinHandle<Report>,
    driver: &Driver<Effect>,
    every: Duration,
) -> Result<Report, JoinError> {
    loop {
        select! {
            report = &mut checked => return report,
            () = sleep(every) => {
                if let Some(snapshot) = driver.snapshot().await {
                    tell(&format!("{snapshot}\n\n"));
                }
            }
        }
    }
}

/// Turns true at the first Ctrl-C; the second one ends the process.
fn stop() -> watch::Receiver<bool> {
    let (wants, stop) = watch::channel(false);
    tokio::spawn(async move {
        if ctrl_c().await.is_ok() {
            wants.send_replace(true);
            if ctrl_c().await.is_ok() {
                exit(INTERRUPTED.into());
            }
        }
    });
    stop
}

fn print(options: &Options, report: &Report) -> io::Result<()> {
    let text = match options.format {
        Format::Text => report.to_text(options.style()),
        Format::Json => report.to_json(),
    };
    match stdout().lock().write_all(text.as_bytes()) {
        // Whoever reads it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written?,
    }
    tell(&report.unread_to_text(options.style_of_errors()));
    Ok(())
}

fn complain(error: impl Display) {
    tell(&format!("linkcheck: {error}\n"));
}

/// Writes to standard error, where there is one.
fn tell(text: &str) {
    let _ = stderr().lock().write_all(text.as_bytes());
}
