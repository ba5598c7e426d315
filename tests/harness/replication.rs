//! A master and its replicas: started together, waited for, compared.

use super::builder::Builder;
use super::server::Server;
use std::collections::BTreeMap;

/// A master with replicas whose links are up.
pub struct Replication {
    /// The replicas. Stopped before their master, which would else wait for them.
    pub replicas: Vec<Server>,
    /// The master.
    pub master: Server,
}

impl Replication {
    /// Starts a master and `replicas` replicas, all with our module and with DEBUG open.
    #[track_caller]
    pub fn start(replicas: usize) -> Self {
        let builder = Server::builder().allow_debug();
        Self::start_with(builder.clone(), vec![builder; replicas])
    }

    /// Starts a master and replicas built as the test wants them; DEBUG must be open for [`dataset_digest`].
    #[track_caller]
    pub fn start_with(master: Builder, replicas: Vec<Builder>) -> Self {
        let master = master.start();
        let replicas: Vec<Server> = replicas
            .into_iter()
            .map(|replica| replica.replica_of(&master).start())
            .collect();
        replicas.iter().for_each(wait_for_link);
        Self { replicas, master }
    }

    /// Waits until every replica has applied all that the master wrote.
    #[track_caller]
    pub fn wait_in_sync(&self) {
        for replica in &self.replicas {
            wait_for_link(replica);
            replica.wait_until("the replica to reach its master's offset", || {
                // The master's first: what it writes between the two looks must not look like a replica ahead of it.
                let wanted = field(&self.master.info("replication"), "master_repl_offset");
                let reached = field(&replica.info("replication"), "slave_repl_offset");
                if reached == wanted {
                    Ok(())
                } else {
                    Err(format!("{reached} of {wanted}"))
                }
            });
        }
    }

    /// Waits until all are in sync, and panics if a replica's data are not its master's.
    #[track_caller]
    pub fn assert_same_data(&self) {
        self.wait_in_sync();
        let wanted = dataset_digest(&self.master);
        for (number, replica) in self.replicas.iter().enumerate() {
            assert_eq!(
                dataset_digest(replica),
                wanted,
                "replica {number} diverged from its master"
            );
        }
    }
}

/// Waits until a replica's link to its master is up.
#[track_caller]
pub fn wait_for_link(replica: &Server) {
    replica.wait_until("master_link_status:up", || {
        match field(&replica.info("replication"), "master_link_status") {
            up if up == "up" => Ok(()),
            other => Err(other),
        }
    });
}

/// A digest of all data, the same for two servers that hold the same. Needs [`Builder::allow_debug`].
#[track_caller]
pub fn dataset_digest(server: &Server) -> String {
    server.call(["DEBUG", "DIGEST"]).text()
}

fn field(info: &BTreeMap<String, String>, name: &str) -> String {
    info.get(name)
        .cloned()
        .unwrap_or_else(|| format!("no {name}"))
}
