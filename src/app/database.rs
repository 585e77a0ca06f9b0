//! Texts that the browser keeps in IndexedDB: one database, one store, a text for each key. Unlike `localStorage` it has
//! room for more than a few megabytes and does not hold up the page.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbObjectStore, IdbOpenDbRequest, IdbRequest, IdbTransactionMode};

use super::browser;

const NAME: &str = "tinylens";
const VERSION: u32 = 1;
const STORE: &str = "kept";

/// The text under a key, `None` where there is none.
///
/// # Errors
/// The browser's exception where it has no database for this page, as in some private windows.
pub async fn kept(key: &str) -> Result<Option<String>, JsValue> {
    let store = store(IdbTransactionMode::Readonly).await?;
    Ok(done(&store.get(&key.into())?).await?.as_string())
}

/// Keeps a text under a key.
///
/// # Errors
/// The same, and where there is no room.
pub async fn keep(key: &str, text: &str) -> Result<(), JsValue> {
    let store = store(IdbTransactionMode::Readwrite).await?;
    done(&store.put_with_key(&text.into(), &key.into())?).await?;
    Ok(())
}

async fn store(mode: IdbTransactionMode) -> Result<IdbObjectStore, JsValue> {
    let factory = browser::window().ok_or("no window")?.indexed_db()?.ok_or("no database")?;
    let request = factory.open_with_u32(NAME, VERSION)?;
    let making = request.clone();
    // The first visit, or the first one with a newer version.
    let upgrade = Closure::once_into_js(move || make_store(&making));
    request.set_onupgradeneeded(Some(upgrade.unchecked_ref()));
    let database: IdbDatabase = done(&request).await?.dyn_into()?;
    let store = database.transaction_with_str_and_mode(STORE, mode)?.object_store(STORE)?;
    // Closes once its transaction is over.
    database.close();
    Ok(store)
}

fn make_store(request: &IdbOpenDbRequest) {
    let database = request.result().ok().and_then(|result| result.dyn_into::<IdbDatabase>().ok());
    if let Some(database) = database
        && let Err(error) = database.create_object_store(STORE)
    {
        browser::warn("the database cannot be made", &error);
    }
}

/// The result of a request, or its error.
async fn done(request: &IdbRequest) -> Result<JsValue, JsValue> {
    let waiting = request.clone();
    let promise = Promise::new(&mut |resolve, reject| {
        waiting.set_onsuccess(Some(&resolve));
        waiting.set_onerror(Some(&reject));
    });
    let ended = JsFuture::from(promise).await;
    match ended {
        Ok(_) => request.result(),
        Err(_) => Err(request.error()?.map_or_else(|| "the database failed".into(), JsValue::from)),
    }
}
