//! A second kube-apiserver, for scenarios that need two: the first one's etcd, certificates and keys, an address of its own, by which it is
//! an endpoint of the Service `kubernetes` too. No part of the cluster: who starts it stops it.

use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{Api, Client};
use nix::sys::signal::Signal;

use super::{Error, apiserver, built};
use crate::client::{self, eventually};
use crate::layout::Layout;
use crate::node::second;
use crate::process::Record;
use crate::programs::Program;
use crate::{certs, files};

/// Its name among the cluster's logs and records.
const NAME: &str = "kube-apiserver-second";
/// How long it may take to be ready, or to be known.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long it may take to end by itself.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// One that runs.
pub struct SecondApiserver<'a> {
    layout: &'a Layout,
    process: Record,
    client: Client,
}

impl<'a> SecondApiserver<'a> {
    /// Starts it, and waits until it is ready and known as an endpoint.
    ///
    /// # Errors
    /// It cannot be made, or is not ready in time; nothing of it is left.
    pub async fn start(layout: &'a Layout) -> Result<Self, Error> {
        stop_earlier(layout).await?;
        second::make(layout).await?;
        match Self::start_there(layout).await {
            Ok(started) => Ok(started),
            Err(error) => {
                stop_earlier(layout).await?;
                Err(error)
            }
        }
    }

    async fn start_there(layout: &'a Layout) -> Result<Self, Error> {
        let options = files::read_json(&layout.path("options"))?.unwrap_or_default();
        let program = built(Program::KubeApiserver).await?;
        let arguments = apiserver::of_second(layout, options);
        let process = second::start(layout, &program, &arguments, &layout.log(NAME))?;
        files::write_json(&record(layout), &process)?;
        let authorities = files::read(&layout.path(certs::CA))?;
        let url = format!("https://{}", address(layout));
        let client = client::connect_directly(&layout.kubeconfig(), &url, "kubernetes", &authorities).await?;
        eventually("the second kube-apiserver to be ready", PATIENCE, async || {
            let answer = client::get(&client, "/readyz").await;
            answer.map(drop).map_err(|error| error.to_string())
        })
        .await?;
        known(layout, true).await?;
        Ok(Self {
            layout,
            process,
            client,
        })
    }

    /// `host:port`, as clients reach it.
    #[must_use]
    pub fn address(&self) -> String {
        address(self.layout)
    }

    /// A client of it as the administrator, which asks once.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Keeps it from all pods and Services: what it sends there is dropped.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub async fn cut(&self) -> Result<(), Error> {
        Ok(second::cut(self.layout).await?)
    }

    /// Ends what [`Self::cut`] began.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub async fn mend(&self) -> Result<(), Error> {
        Ok(second::mend(self.layout).await?)
    }

    /// Freezes it: it sees nothing, and answers nobody.
    pub fn freeze(&self) {
        self.process.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.process.signal(Signal::SIGCONT);
    }

    /// Stops it, and waits until it is known no more.
    ///
    /// # Errors
    /// Something of it stays.
    pub async fn stop(self) -> Result<(), Error> {
        stop_earlier(self.layout).await?;
        known(self.layout, false).await
    }
}

fn address(layout: &Layout) -> String {
    format!("{}:6443", layout.second_address())
}

fn record(layout: &Layout) -> PathBuf {
    layout.path("processes").join(NAME)
}

/// Stops one that runs, whoever started it, and removes what is left of it.
async fn stop_earlier(layout: &Layout) -> Result<(), Error> {
    if let Some(process) = Record::read(&record(layout))? {
        process.signal(Signal::SIGCONT);
        process.stop(STOP_PATIENCE).await;
    }
    second::unmake(layout).await?;
    Ok(files::remove(&record(layout))?)
}

/// Waits until the Service `kubernetes` leads to it, or does so no more.
async fn known(layout: &Layout, wanted: bool) -> Result<(), Error> {
    let slices: Api<EndpointSlice> = Api::namespaced(client::connect(&layout.kubeconfig()).await?, "default");
    let address = layout.second_address().to_string();
    eventually("the endpoints of the Service kubernetes", PATIENCE, async || {
        let slice = slices
            .get("kubernetes")
            .await
            .map_err(|error| error.to_string())?;
        let addresses: Vec<String> = slice
            .endpoints
            .into_iter()
            .flatten()
            .flat_map(|endpoint| endpoint.addresses)
            .collect();
        if addresses.contains(&address) == wanted {
            Ok(())
        } else {
            Err(format!("they are {addresses:?}"))
        }
    })
    .await?;
    Ok(())
}
