//! The shop while it is open: an API with the layer mounted, on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use adieu::auth::Scope;
use adieu::gateway::{Gateway, Worker};
use adieu::server::{Front, Server};
use adieu::{Config, Identity, Subject};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower_layer::Layer as _;

use super::Customer;
use super::routes::Routes;
use super::shop::Shop;
use crate::commands::token;
use crate::exit::Failure;

/// For how long a token of the demo is good, and its login recent.
pub(super) const TOKEN_MINUTES: u64 = 30;
/// How long closing may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// A shop that people can reach.
pub(super) struct OpenShop {
    config: Config,
    gateway: Gateway,
    address: SocketAddr,
    worker: Worker,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl OpenShop {
    /// Opens a shop on loopback; with port 0 at a free one.
    pub(super) async fn open(shop: &Shop, port: u16) -> Result<Self, Failure> {
        let config = Config::from_file(shop.path("adieu.toml"))?;
        let gateway = config.gateway().await?;
        let listener = Server::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(|error| {
                let kind = error.kind();
                Failure::Usage(format!("port {port} cannot be listened at ({kind})"))
            })?;
        let address = listener.address();
        // Tokens of erased persons are refused before the shop sees them.
        let routes = Routes::new(shop.path("shop.db"), gateway.clone());
        let front = Front::new(&gateway, gateway.erased_guard().layer(routes));
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            let _ = stopped.await;
        };
        let serving = tokio::spawn(listener.serve(front, stopped, PATIENCE));
        Ok(Self {
            worker: gateway.spawn_worker(),
            config,
            gateway,
            address,
            stop,
            serving,
        })
    }

    /// Where the shop is.
    pub(super) fn home(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A customer's own page, opened with a token of theirs. What stands behind `#` is not sent to any server.
    pub(super) async fn link(&self, customer: Customer) -> Result<String, Failure> {
        let (home, prefix) = (self.home(), self.gateway.prefix());
        Ok(format!(
            "{home}{prefix}#token={}",
            self.token(customer).await?
        ))
    }

    /// A token of a customer who has just logged in.
    pub(super) async fn token(&self, customer: Customer) -> Result<String, Failure> {
        let identity = |kind, value| {
            Identity::new(kind, value).map_err(|error| Failure::Fault(error.to_string()))
        };
        let subject = Subject::new([
            identity("customer_id", customer.id)?,
            identity("email", customer.email)?,
        ]);
        let scopes = [Scope::EXPORT, Scope::ERASE];
        let lifetime = Duration::from_secs(TOKEN_MINUTES * 60);
        token::sign(&self.config, &subject, &scopes, lifetime, None).await
    }

    pub(super) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Closes it; what is being done is given back first.
    pub(super) async fn close(self) {
        let _ = self.stop.send(());
        let (_, _) = tokio::join!(self.worker.stop(PATIENCE), self.serving);
    }
}
