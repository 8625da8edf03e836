//! `adieu demo`

mod files;
mod once;
mod open;
mod person;
mod proof;
mod routes;
mod shop;
mod snapshot;

use std::path::PathBuf;

use clap::Args;

use crate::exit::{Exit, Failure};
use crate::stop::Stop;
use crate::terminal::Terminal;

use open::OpenShop;
use shop::Shop;

/// Make a small shop, and open it to be tried in a browser
///
/// The shop is an API of a few routes, with the layer mounted; it listens on this machine alone, until Ctrl-C. Everything
/// lies in one folder: a database, a folder of files, the configuration.
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// The folder to use; a new one among the temporary files by default.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The port to listen at; a free one by default.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Go the whole way over HTTP by itself, prove the end state, and end. The folder stays, to be looked at.
    #[arg(long)]
    once: bool,
}

/// A customer of the shop, and how a token names them.
#[derive(Clone, Copy, Debug)]
struct Customer {
    id: &'static str,
    email: &'static str,
}

/// The customer who leaves.
const ADA: Customer = Customer {
    id: "1",
    email: "ada.fairweather@example.com",
};
/// A customer of the same name.
const OTHER_ADA: Customer = Customer {
    id: "10",
    email: "ada.fairweather@example.org",
};
/// Her brother, who has not paid yet.
const ALAN: Customer = Customer {
    id: "11",
    email: "alan.fairweather@example.com",
};

impl Demo {
    pub(crate) async fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let folder = shop::folder(self.dir.as_deref())?;
        let shop = Shop::make(&folder)?;
        if self.once {
            let open = OpenShop::open(&shop, self.port).await?;
            return once::run(&shop, open, terminal).await;
        }
        // Heard from now on, so that what is made is also removed.
        let stop = Stop::on_signals()?;
        let open = OpenShop::open(&shop, self.port).await?;
        terminal.json(&serde_json::json!({ "folder": folder, "link": open.link(ADA).await? }));
        terminal.say(&welcome(&shop, &open).await?);
        stop.requested().await;
        open.close().await;
        if self.dir.is_none() {
            shop.remove()?;
        }
        terminal.note("\nThe shop is closed.");
        Ok(Exit::Done)
    }
}

/// What there is to see, and what to try.
async fn welcome(shop: &Shop, open: &OpenShop) -> Result<String, Failure> {
    let token = shop.path("ada.token");
    shop.write_secret("ada.token", &open.token(ADA).await?)?;
    let (ada, alan, home) = (open.link(ADA).await?, open.link(ALAN).await?, open.home());
    let (token, toml) = (token.display(), shop.path("adieu.toml"));
    let (toml, minutes) = (toml.display(), open::TOKEN_MINUTES);
    Ok(format!(
        "A small shop is open, on this machine alone, until Ctrl-C.

Ada Fairweather's page, with a token that is good for {minutes} minutes:

  {ada}

Try there:
  - what is held about her, by whom, and what cannot be reached
  - take your data with you: the archive, its index.html opens without a network
  - be forgotten: what would go, what stays and until when; then the receipt

Alan has not paid yet, and is told so:

  {alan}

The shop's own routes take the same token, until she is erased:

  curl -H \"Authorization: Bearer $(cat {token})\" {home}/orders
  curl -H \"Authorization: Bearer $(cat {token})\" -X DELETE {home}/account

The configuration that it runs with: {toml}"
    ))
}
