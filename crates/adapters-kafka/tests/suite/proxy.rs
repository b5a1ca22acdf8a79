//! A proxy in front of the broker, which can cut the connections of one client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::watch;

/// The variable that names the folder in which started servers are described.
const FOLDER: &str = "LANEWAY_SERVICES_DIR";

/// Every connection of the clients of this program goes through it. Whose one is, its first request tells: each request
/// of Kafka's protocol begins with its length, two codes, a number, and the client's id.
pub(crate) struct Proxy {
    /// Where clients go.
    pub(crate) address: String,
    broker: String,
    switches: Mutex<HashMap<String, watch::Sender<bool>>>,
}

/// The proxy of the broker that was started for the suite; none for a broker of somebody else's.
pub(crate) fn proxy() -> Option<&'static Proxy> {
    static PROXY: OnceLock<Option<Arc<Proxy>>> = OnceLock::new();
    PROXY.get_or_init(start).as_deref()
}

fn start() -> Option<Arc<Proxy>> {
    let folder = std::env::var_os(FOLDER)?;
    let state = std::fs::read_to_string(std::path::Path::new(&folder).join("kafka.state")).ok()?;
    let port = |name: &str| {
        let key = format!("node.1.port.{name}=");
        state.lines().find_map(|line| Some(format!("127.0.0.1:{}", line.strip_prefix(&key)?)))
    };
    let (address, broker) = (port("proxy")?, port("proxied")?);
    let proxy = Arc::new(Proxy { address, broker, switches: Mutex::default() });
    let (serving, (ready, wait)) = (proxy.clone(), std::sync::mpsc::channel());
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind(&serving.address).await.unwrap();
            ready.send(()).unwrap();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(serving.clone().pass(client));
            }
        });
    });
    wait.recv().ok().map(|()| proxy)
}

impl Proxy {
    /// Whether the connections of a client are cut.
    pub(crate) fn cut(&self, client: &str, cut: bool) {
        self.switch(client).send_replace(cut);
    }

    fn switch(&self, client: &str) -> watch::Sender<bool> {
        let mut switches = self.switches.lock().unwrap_or_else(PoisonError::into_inner);
        switches.entry(client.to_owned()).or_insert_with(|| watch::channel(false).0).clone()
    }

    /// Passes what is said on until one side ends or the client is cut.
    async fn pass(self: Arc<Self>, mut client: TcpStream) {
        let Some((name, first)) = first_request(&mut client).await else { return };
        let mut cut = self.switch(&name).subscribe();
        if *cut.borrow_and_update() {
            return;
        }
        let Ok(mut broker) = TcpStream::connect(&self.broker).await else { return };
        let (_, _) = (client.set_nodelay(true), broker.set_nodelay(true));
        if broker.write_all(&first).await.is_err() {
            return;
        }
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut broker) => {}
            _ = cut.wait_for(|cut| *cut) => {}
        }
    }
}

/// Reads a request's head: the client's id, and all bytes that were read.
async fn first_request(client: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut head = vec![0; 14];
    client.read_exact(&mut head).await.ok()?;
    let length = usize::from(u16::from_be_bytes([head[12], head[13]]));
    let mut name = vec![0; length];
    client.read_exact(&mut name).await.ok()?;
    head.extend_from_slice(&name);
    Some((String::from_utf8(name).ok()?, head))
}
