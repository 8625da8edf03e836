//! `adieu serve`

use std::net::SocketAddr;

use adieu::Config;
use adieu::config::Origin;
use adieu::gateway::Gateway;
use adieu::server::{Front, Metrics, Nothing, Server, Upstream};
use clap::Args;
use tower_layer::Layer as _;

use crate::exit::{Exit, Failure};
use crate::gateway::ConfigArgument;
use crate::stop::Stop;
use crate::terminal::Terminal;

/// Serve the HTTP API, alone or in front of another service
///
/// People export and erase their own data with the tokens that `[auth]` accepts. Requests are carried on in the
/// background. SIGTERM or Ctrl-C ends it well: what is being done is given back at its next checkpoint, and taken up
/// again at the next start.
#[derive(Args, Debug)]
pub(crate) struct Serve {
    #[command(flatten)]
    config: ConfigArgument,
    /// Where to listen, such as 127.0.0.1:8080; with port 0 at a free one.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The service that gets all other requests, such as http://127.0.0.1:3000.
    #[arg(long, value_name = "URL", value_parser = origin)]
    upstream: Option<Origin>,
}

fn origin(text: &str) -> Result<Origin, String> {
    text.parse()
        .map_err(|problem: adieu::config::NoOrigin| problem.to_string())
}

impl Serve {
    pub(crate) async fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let mut config = Config::from_file(&self.config.config)?;
        let server = &mut config.server;
        server.listen = self.listen.unwrap_or(server.listen);
        server.upstream = self.upstream.or(server.upstream.take());
        let stop = Stop::on_signals()?;
        // An address that is taken is found before anything is opened.
        let listener = bind(config.server.listen).await?;
        let gateway = config.gateway().await?;
        let measuring = measure(&config, stop.clone(), terminal).await?;
        // Keys at a URL are had before the first token comes; without them it is asked again when one does.
        let keys = gateway.clone();
        tokio::spawn(async move {
            if let Err(denied) = keys.authenticator().warm_up().await {
                tracing::warn!("the keys of [auth]: {denied}");
            }
        });
        let worker = gateway.spawn_worker();
        terminal.note(&format!(
            "ready: http://{}{}",
            listener.address(),
            gateway.prefix()
        ));
        let patience = config.server.patience();
        tokio::join!(
            front(listener, &config, &gateway, stop.clone()),
            measuring,
            async {
                stop.requested().await;
                worker.stop(patience).await;
            }
        );
        Ok(Exit::Done)
    }
}

/// The layer, with the upstream behind it or nothing.
async fn front(listener: Server, config: &Config, gateway: &Gateway, stop: Stop) {
    let server = &config.server;
    let (stop, patience) = (stop.requested(), server.patience());
    let Some(origin) = server.upstream.clone() else {
        return listener
            .serve(Front::new(gateway, Nothing), stop, patience)
            .await;
    };
    let upstream = Upstream::new(origin);
    if server.refuse_erased {
        let guarded = gateway.erased_guard().layer(upstream);
        listener
            .serve(Front::new(gateway, guarded), stop, patience)
            .await;
    } else {
        listener
            .serve(Front::new(gateway, upstream), stop, patience)
            .await;
    }
}

/// Serves the metrics, if they are to be served.
async fn measure(
    config: &Config,
    stop: Stop,
    terminal: &Terminal,
) -> Result<impl Future<Output = ()> + use<>, Failure> {
    let serving = match config.server.metrics {
        None => None,
        Some(address) => {
            let listener = bind(address).await?;
            let metrics = Metrics::collect().map_err(|taken| Failure::Fault(taken.to_string()))?;
            terminal.note(&format!("metrics: http://{}/metrics", listener.address()));
            Some((listener, metrics))
        }
    };
    let patience = config.server.patience();
    Ok(async move {
        if let Some((listener, metrics)) = serving {
            listener.serve(metrics, stop.requested(), patience).await;
        }
    })
}

async fn bind(address: SocketAddr) -> Result<Server, Failure> {
    Server::bind(address).await.map_err(|error| {
        Failure::Usage(format!(
            "{address} cannot be listened at ({}); name another with --listen",
            error.kind()
        ))
    })
}
