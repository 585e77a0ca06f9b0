//! Downloads that show progress, can be cancelled, are checked before use and kept by their hash.

use js_sys::{Reflect, Uint8Array};
use sha2::{Digest, Sha256};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Cache, ReadableStreamDefaultReader, RequestInit, Response};

use super::browser::{self, internal, report};
use super::{Shared, post};
use crate::bridge::{Answer, Failure, RequestId, Stage};

/// What is known of a file before it is there.
#[derive(Debug, Default)]
pub(super) struct Expected {
    pub(super) bytes: Option<u64>,
    /// Lower-case hexadecimal. A file with a hash is kept in Cache Storage by it.
    pub(super) sha256: Option<String>,
}

/// A file larger than this is refused: no browser on a small device could hold it twice.
const LARGEST_BYTES: u64 = 512 << 20;

/// The Cache Storage that holds models.
const CACHE: &str = "tinylens-models-v1";

/// Fetches a model's bytes from `url`, or from Cache Storage where its hash is there already.
pub(super) async fn fetch_model(
    session: &Shared,
    id: RequestId,
    url: &str,
    name: &str,
    expected: &Expected,
) -> Result<Vec<u8>, Failure> {
    let controller = AbortController::new().map_err(internal)?;
    session.borrow_mut().on_cancel(id, controller.clone());
    if let Some(sha256) = &expected.sha256
        && let Some(bytes) = from_cache(sha256).await
        && is_hash(&bytes, sha256)
    {
        return Ok(bytes);
    }
    session.borrow_mut().check_load(id)?;
    let result = stream(id, url, name, expected, &controller).await;
    session.borrow_mut().check_load(id)?;
    let bytes = result?;
    if let Some(sha256) = &expected.sha256 {
        if !is_hash(&bytes, sha256) {
            return Err(Failure::WrongHash { name: name.to_owned() });
        }
        keep(sha256, &bytes).await;
    }
    Ok(bytes)
}

/// Fetches a small text of the served folder.
pub(super) async fn fetch_text(path: &str) -> Result<String, Failure> {
    let response = fetch_served(path).await?;
    let text = JsFuture::from(response.text().map_err(internal)?).await;
    text.ok().and_then(|text| text.as_string()).ok_or_else(|| Failure::Network { name: path.to_owned() })
}

/// Fetches a file of the served folder.
pub(super) async fn fetch_served(path: &str) -> Result<Response, Failure> {
    respond(JsFuture::from(browser::scope().fetch_with_str(path)).await, path)
}

async fn stream(
    id: RequestId,
    url: &str,
    name: &str,
    expected: &Expected,
    controller: &AbortController,
) -> Result<Vec<u8>, Failure> {
    let init = RequestInit::new();
    init.set_signal(Some(&controller.signal()));
    let response = JsFuture::from(browser::scope().fetch_with_str_and_init(url, &init)).await;
    let response = respond(response, name)?;
    let total = expected.bytes.or_else(|| content_length(&response));
    let too_large = |bytes: u64| {
        let detail = format!("{bytes} bytes, at most {LARGEST_BYTES} are accepted");
        Failure::Unreadable { name: name.to_owned(), detail }
    };
    if let Some(bytes) = total.filter(|bytes| *bytes > LARGEST_BYTES) {
        return Err(too_large(bytes));
    }
    let network = || Failure::Network { name: name.to_owned() };
    let reader: ReadableStreamDefaultReader =
        response.body().ok_or_else(network)?.get_reader().dyn_into().map_err(|_| network())?;
    // A server may announce anything: only what has come is allocated.
    let mut bytes: Vec<u8> = Vec::new();
    let cut_off =
        |actual: usize| Failure::CutOff { name: name.to_owned(), expected: total, actual: actual as u64 };
    loop {
        post(&Answer::Progress { id, stage: Stage::Download, done: bytes.len() as u64, total });
        let chunk = JsFuture::from(reader.read()).await.map_err(|_| cut_off(bytes.len()))?;
        if Reflect::get(&chunk, &"done".into()).is_ok_and(|done| done.is_truthy()) {
            break;
        }
        let chunk =
            Reflect::get(&chunk, &"value".into()).ok().and_then(|value| value.dyn_into::<Uint8Array>().ok());
        bytes.extend(chunk.ok_or_else(network)?.to_vec());
        if bytes.len() as u64 > LARGEST_BYTES {
            controller.abort();
            return Err(too_large(bytes.len() as u64));
        }
    }
    match total {
        Some(total) if (bytes.len() as u64) < total => Err(cut_off(bytes.len())),
        _ => Ok(bytes),
    }
}

fn respond(response: Result<JsValue, JsValue>, name: &str) -> Result<Response, Failure> {
    let response: Response =
        response.map_err(|_| Failure::Network { name: name.to_owned() })?.unchecked_into();
    match response.ok() {
        true => Ok(response),
        false => Err(Failure::Http { name: name.to_owned(), status: response.status() }),
    }
}

/// The announced length, unless the transfer is encoded and the length that of the encoding.
fn content_length(response: &Response) -> Option<u64> {
    let header = |name: &str| response.headers().get(name).ok().flatten();
    match header("content-encoding") {
        Some(encoding) if encoding != "identity" => None,
        _ => header("content-length")?.parse().ok(),
    }
}

fn is_hash(bytes: &[u8], sha256: &str) -> bool {
    let actual: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    actual.eq_ignore_ascii_case(sha256)
}

async fn cache() -> Result<Cache, JsValue> {
    let storage = browser::scope().caches()?;
    Ok(JsFuture::from(storage.open(CACHE)).await?.unchecked_into())
}

/// The address under which a hash is kept; nothing is served there.
fn key(sha256: &str) -> String {
    format!("models/sha256/{sha256}")
}

async fn from_cache(sha256: &str) -> Option<Vec<u8>> {
    let cache = cache().await.ok()?;
    let response = JsFuture::from(cache.match_with_str(&key(sha256))).await.ok()?;
    let response: Response = response.dyn_into().ok()?;
    let buffer = JsFuture::from(response.array_buffer().ok()?).await.ok()?;
    Some(Uint8Array::new(&buffer).to_vec())
}

/// Keeps a checked file. A full or missing storage only means another download next time.
async fn keep(sha256: &str, bytes: &[u8]) {
    let kept = async {
        let array = Uint8Array::from(bytes);
        let response = Response::new_with_opt_buffer_source(Some(&array))?;
        JsFuture::from(cache().await?.put_with_str(&key(sha256), &response)).await
    };
    if let Err(error) = kept.await {
        report(&error);
    }
}
