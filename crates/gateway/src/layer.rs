//! The layer that mounts a gateway around a service.

use tower_layer::Layer;

use crate::gateway::Gateway;
use crate::service::GatewayService;

/// Mounts a [`Gateway`] around a service: what lies under its prefix is answered here, everything else passes through.
#[derive(Clone, Debug)]
pub struct GatewayLayer {
    gateway: Gateway,
}

impl GatewayLayer {
    /// A layer that answers with this gateway.
    pub fn new(gateway: Gateway) -> Self {
        Self { gateway }
    }
}

impl<S> Layer<S> for GatewayLayer {
    type Service = GatewayService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        GatewayService::new(inner, self.gateway.clone())
    }
}
