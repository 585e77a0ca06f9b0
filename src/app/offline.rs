//! The page's end of the service worker (`static/sw.js`): starts it, asks it, and hears of new versions.
//!
//! Each question goes with a port of its own, on which the answers come back.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Reflect};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    MessageChannel, MessageEvent, MessagePort, RegistrationOptions, ServiceWorker, ServiceWorkerContainer,
    ServiceWorkerRegistration, ServiceWorkerState, ServiceWorkerUpdateViaCache, StorageEstimate,
    StorageManager,
};
use yew::Callback;

use super::browser::{self, Listener};
use super::state::{Estimate, OfflineAction, OfflineEffect, StoredFile, Update};

const SCRIPT: &str = "sw.js";

/// See the module.
pub struct OfflineClient {
    tell: Callback<OfflineAction>,
    shared: Rc<RefCell<Shared>>,
}

#[derive(Default)]
struct Shared {
    registration: Option<ServiceWorkerRegistration>,
    /// The visitor takes a new version in this tab.
    taking_over: bool,
    /// Keeping that the visitor waits for; a message on it ends it.
    keeping: Option<MessagePort>,
    listeners: Vec<Listener>,
}

#[derive(Serialize)]
struct Question<'a> {
    ask: &'static str,
    paths: &'a [String],
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reply {
    files: Option<Vec<StoredFile>>,
    bytes: u64,
    total: Option<u64>,
    done: bool,
    failed: Option<String>,
    cancelled: bool,
}

impl OfflineClient {
    /// Nothing is started yet.
    pub fn new(tell: Callback<OfflineAction>) -> Self {
        Self { tell, shared: Rc::default() }
    }

    /// Carries out an effect.
    pub fn perform(&self, effect: OfflineEffect) {
        let (tell, shared) = (self.tell.clone(), self.shared.clone());
        match effect {
            OfflineEffect::Register => spawn_local(async move {
                let registered = register(&tell, &shared).await;
                if let Err(error) = &registered {
                    browser::warn("no service worker", error);
                }
                tell.emit(OfflineAction::Supported(registered.is_ok()));
            }),
            OfflineEffect::List => {
                let heard = move |reply: Reply| {
                    let tell = tell.clone();
                    spawn_local(async move {
                        let estimate = estimate().await.ok();
                        tell.emit(OfflineAction::Listed(reply.files.unwrap_or_default(), estimate));
                    });
                };
                self.ask("list", &[], heard);
            }
            OfflineEffect::Keep { paths, shown } => {
                if shown {
                    // Without it the browser may clear everything when its disk fills.
                    spawn_local(async {
                        if let Some(storage) = storage()
                            && let Ok(asked) = storage.persist()
                        {
                            let _ = JsFuture::from(asked).await;
                        }
                    });
                }
                let heard = move |reply: Reply| {
                    if !shown {
                        return;
                    }
                    match reply {
                        Reply { done: true, .. } => tell.emit(OfflineAction::Kept),
                        Reply { failed: Some(why), cancelled, .. } => {
                            tell.emit(OfflineAction::NotKept(Some(why).filter(|_| !cancelled)));
                        }
                        Reply { bytes, total: Some(total), .. } => {
                            tell.emit(OfflineAction::Progress(bytes, total));
                        }
                        Reply { .. } => {}
                    }
                };
                let port = self.ask("keep", &paths, heard);
                if shown {
                    self.shared.borrow_mut().keeping = port;
                }
            }
            OfflineEffect::Cancel => {
                if let Some(port) = self.shared.borrow_mut().keeping.take() {
                    let _ = port.post_message(&JsValue::NULL);
                }
            }
            OfflineEffect::Forget(paths) => {
                self.ask("forget", &paths, move |_| tell.emit(OfflineAction::Forgotten));
            }
            OfflineEffect::TakeOver => {
                let mut shared = self.shared.borrow_mut();
                shared.taking_over = true;
                let waiting = shared.registration.as_ref().and_then(ServiceWorkerRegistration::waiting);
                match waiting {
                    Some(waiting) => post(&waiting, "take-over", &[], None),
                    None => reload(),
                }
            }
            OfflineEffect::Reload => reload(),
        }
    }

    /// Asks the active service worker; `heard` hears every answer. Returns this side's port.
    fn ask(
        &self,
        ask: &'static str,
        paths: &[String],
        heard: impl Fn(Reply) + 'static,
    ) -> Option<MessagePort> {
        let active = self.shared.borrow().registration.as_ref()?.active()?;
        let channel = MessageChannel::new().ok()?;
        let port = channel.port1();
        let listen = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            if let Ok(reply) = serde_wasm_bindgen::from_value(event.data()) {
                heard(reply);
            }
        });
        // A few per visit; each lives as long as its port can hear.
        port.set_onmessage(Some(listen.into_js_value().unchecked_ref()));
        post(&active, ask, paths, Some(&channel.port2()));
        Some(port)
    }
}

fn post(worker: &ServiceWorker, ask: &'static str, paths: &[String], port: Option<&MessagePort>) {
    let ports = port.map_or_else(Array::new, |port| Array::of1(port));
    let posted = serde_wasm_bindgen::to_value(&Question { ask, paths })
        .map_err(JsValue::from)
        .and_then(|question| worker.post_message_with_transferable(&question, &ports));
    if let Err(error) = posted {
        browser::warn("the service worker was not asked", &error);
    }
}

/// Registers the service worker and resolves when one is active.
async fn register(tell: &Callback<OfflineAction>, shared: &Rc<RefCell<Shared>>) -> Result<(), JsValue> {
    let container = container().ok_or("no service workers here")?;
    let options = RegistrationOptions::new();
    options.set_update_via_cache(ServiceWorkerUpdateViaCache::None);
    let registered = JsFuture::from(container.register_with_options(SCRIPT, &options)).await?;
    let registration: ServiceWorkerRegistration = registered.dyn_into()?;
    hear_of_versions(tell, shared, &container, &registration);
    JsFuture::from(container.ready()?).await?;
    shared.borrow_mut().registration = Some(registration);
    Ok(())
}

fn hear_of_versions(
    tell: &Callback<OfflineAction>,
    shared: &Rc<RefCell<Shared>>,
    container: &ServiceWorkerContainer,
    registration: &ServiceWorkerRegistration,
) {
    // The first service worker of all is no new version.
    let waits = {
        let (tell, container) = (tell.clone(), container.clone());
        move || {
            if container.controller().is_some() {
                tell.emit(OfflineAction::Updated(Update::Waits));
            }
        }
    };
    if registration.waiting().is_some() {
        waits();
    }
    let found = {
        let (registration, shared) = (registration.clone(), Rc::downgrade(shared));
        move |_| {
            let (Some(worker), Some(shared)) = (registration.installing(), shared.upgrade()) else { return };
            let (waits, installing) = (waits.clone(), worker.clone());
            let changed = Listener::new(&worker, "statechange", move |_| {
                if installing.state() == ServiceWorkerState::Installed {
                    waits();
                }
            });
            shared.borrow_mut().listeners.push(changed);
        }
    };
    let taken = {
        let (tell, shared) = (tell.clone(), Rc::downgrade(shared));
        let mut controlled = container.controller().is_some();
        move |_| {
            let taking_over = shared.upgrade().is_some_and(|shared| shared.borrow().taking_over);
            if taking_over {
                reload();
            } else if controlled {
                tell.emit(OfflineAction::Updated(Update::TakenElsewhere));
            }
            controlled = true;
        }
    };
    let listeners = [
        Listener::new(registration, "updatefound", found),
        Listener::new(container, "controllerchange", taken),
    ];
    shared.borrow_mut().listeners.extend(listeners);
}

fn reload() {
    if let Some(window) = browser::window() {
        let _ = window.location().reload();
    }
}

/// What a browser offers at secure addresses only.
fn offered<T>(name: &str, get: impl Fn(&web_sys::Navigator) -> T) -> Option<T> {
    let navigator = browser::window()?.navigator();
    let there = Reflect::get(&navigator, &name.into()).is_ok_and(|value| value.is_object());
    there.then(|| get(&navigator))
}

fn container() -> Option<ServiceWorkerContainer> {
    offered("serviceWorker", web_sys::Navigator::service_worker)
}

fn storage() -> Option<StorageManager> {
    offered("storage", web_sys::Navigator::storage)
}

async fn estimate() -> Result<Estimate, JsValue> {
    let storage = storage().ok_or("no storage manager")?;
    let estimate: StorageEstimate = JsFuture::from(storage.estimate()?).await?.unchecked_into();
    let persistent = JsFuture::from(storage.persisted()?).await?.is_truthy();
    let bytes = |value: Option<f64>| value.unwrap_or(0.0) as u64;
    Ok(Estimate { usage: bytes(estimate.get_usage()), quota: bytes(estimate.get_quota()), persistent })
}
