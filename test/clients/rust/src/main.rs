//! Writes down what an extension is told: its events, and what the API named by EXTENSION_API (logs or telemetry) sends it.

use lambda_extension::{
    service_fn, Error, Extension, LambdaEvent, LambdaLog, LambdaTelemetry, LogBuffering, NextEvent,
    SharedService,
};
use std::{fs::OpenOptions, io::Write};

fn write_down(line: String) -> Result<(), Error> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open("/tmp/told")?;
    writeln!(file, "{line}")?;
    Ok(())
}

async fn on_event(event: LambdaEvent) -> Result<(), Error> {
    match event.next {
        NextEvent::Invoke(invoke) => write_down(format!("INVOKE {}", invoke.request_id)),
        NextEvent::Shutdown(shutdown) => {
            // Nobody can ask for the file any more: the log of the environment is what is left.
            println!("told of {}", shutdown.shutdown_reason);
            Ok(())
        }
    }
}

async fn on_logs(logs: Vec<LambdaLog>) -> Result<(), Error> {
    for log in logs {
        write_down(format!("log {:?}", log.record))?;
    }
    Ok(())
}

async fn on_telemetry(events: Vec<LambdaTelemetry>) -> Result<(), Error> {
    for event in events {
        write_down(format!("telemetry {}", serde_json::to_string(&event.record)?))?;
    }
    Ok(())
}

/// As often as Lambda allows.
fn buffering() -> LogBuffering {
    LogBuffering {
        timeout_ms: 25,
        max_bytes: 262_144,
        max_items: 1_000,
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let extension = Extension::new().with_events_processor(service_fn(on_event));
    match std::env::var("EXTENSION_API").as_deref() {
        Ok("logs") => {
            extension
                .with_logs_processor(SharedService::new(service_fn(on_logs)))
                .with_log_buffering(buffering())
                .run()
                .await
        }
        Ok("telemetry") => {
            extension
                .with_telemetry_processor(SharedService::new(service_fn(on_telemetry)))
                .with_telemetry_buffering(buffering())
                .run()
                .await
        }
        _ => extension.run().await,
    }
}
