//! A shopping-cart service over HTTP.
//!
//! ```sh
//! quorate cluster --nodes 5 --dir shop &
//! cargo run -p quorate-client --example cart -- shop/cluster.toml 127.0.0.1:8080 &
//! curl -X PUT --data 2 http://127.0.0.1:8080/carts/ann/milk
//! curl http://127.0.0.1:8080/carts/ann        # {"milk":2}
//! curl -X DELETE http://127.0.0.1:8080/carts/ann/milk
//! ```

mod carts;
mod service;

use carts::Carts;
use quorate_client::Client;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [config, address] = &arguments[..] else {
        return Err("usage: cart CLUSTER_TOML ADDRESS".into());
    };
    let service = service::router(Carts::new(Client::open(config)?));
    axum::serve(tokio::net::TcpListener::bind(address).await?, service).await?;
    Ok(())
}
