//! What this browser keeps for times without a network: the page, engines, models, pictures. The service worker
//! (`static/sw.js`) keeps it; here is what the page knows of that, and what it asks for.

use serde::{Deserialize, Serialize};

use super::{Effect, ModelChoice, State, WorkerState};

/// What the page knows of its storage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offline {
    /// Whether there is a service worker.
    pub support: Support,
    /// Another version of the page.
    pub update: Update,
    /// All files of this version and the models from the web; empty until they are listed.
    pub files: Vec<StoredFile>,
    /// What the browser says of its storage.
    pub estimate: Option<Estimate>,
    /// Files that are being kept because the visitor asked: bytes done, and of how many.
    pub keeping: Option<(u64, u64)>,
    /// Why the last keeping came to nothing.
    pub failure: Option<String>,
    /// The service worker was asked for.
    registered: bool,
    /// Paths that were used and that the service worker was asked to keep.
    asked: Vec<String>,
}

/// Whether there is a service worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Support {
    /// It is not there yet.
    #[default]
    Unknown,
    /// This browser has none here: not a secure address, a private window, an old browser.
    Missing,
    /// It is active.
    Ready,
}

/// Another version of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Update {
    /// There is none.
    #[default]
    None,
    /// It is there and waits for the visitor.
    Waits,
    /// The visitor took it in another tab: this one still shows the former version.
    TakenElsewhere,
}

/// A file that is or can be kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Its path in the served folder.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// It belongs to the page itself.
    pub shell: bool,
    /// It is kept.
    pub stored: bool,
}

/// What the browser says of its storage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Bytes in use, roughly: browsers add what they need themselves.
    pub usage: u64,
    /// Bytes that this page may use.
    pub quota: u64,
    /// The browser will not clear it by itself.
    pub persistent: bool,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq)]
pub enum OfflineAction {
    /// A service worker is active, or cannot be.
    Supported(bool),
    /// What is stored.
    Listed(Vec<StoredFile>, Option<Estimate>),
    /// Everything is to be kept.
    KeepAll,
    /// So many bytes of so many are kept.
    Progress(u64, u64),
    /// All of it is kept.
    Kept,
    /// It is not, and why; `None` where the visitor ended it.
    NotKept(Option<String>),
    /// No further.
    Cancel,
    /// A group of files is no longer to be kept.
    Forget(Group),
    /// Files were deleted.
    Forgotten,
    /// A new version waits, or was taken in another tab.
    Updated(Update),
    /// The visitor takes the new version.
    Update,
}

/// What has to be done in the browser.
#[derive(Clone, Debug, PartialEq)]
pub enum OfflineEffect {
    /// Starts the service worker.
    Register,
    /// Asks what is stored.
    List,
    /// Asks to keep files; `shown` where the visitor waits for it.
    Keep {
        /// Their paths.
        paths: Vec<String>,
        /// Its progress is shown.
        shown: bool,
    },
    /// Ends keeping.
    Cancel,
    /// Asks to delete files, by their paths.
    Forget(Vec<String>),
    /// Takes the new version, and loads the page again.
    TakeOver,
    /// Loads the page again.
    Reload,
}

/// Files that are shown as one line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The page itself.
    Page,
    /// Engines, of which this browser uses one.
    Engines,
    /// The built-in pictures.
    Pictures,
    /// A served model, by its id.
    Model(String),
    /// Models from the web.
    Web,
}

impl Group {
    /// The group of a file; `None` for what this version does not keep in groups.
    pub fn of(file: &StoredFile) -> Self {
        let path = &file.path;
        if file.shell {
            Self::Page
        } else if path.starts_with(ENGINES) {
            Self::Engines
        } else if path.starts_with(PICTURES) {
            Self::Pictures
        } else if path.starts_with("models/sha256/") {
            Self::Web
        } else {
            let id = path.strip_prefix("models/").unwrap_or(path);
            Self::Model(id.strip_suffix(".safetensors").unwrap_or(id).to_owned())
        }
    }
}

const ENGINES: &str = "worker/";
const PICTURES: &str = "pictures/";

/// One line of the panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Shelf {
    /// What it holds.
    pub group: Group,
    /// Bytes that are kept.
    pub stored: u64,
    /// Bytes that can be kept, engines of other browsers left out.
    pub all: u64,
}

impl Offline {
    /// Everything that can be kept here, in groups, the page first.
    pub fn shelves(&self, engine: Option<&str>) -> Vec<Shelf> {
        let mut shelves: Vec<Shelf> = Vec::new();
        for file in self.files.iter().filter(|file| file.stored || is_wanted(file, engine)) {
            let group = Group::of(file);
            let at = shelves.iter().position(|shelf| shelf.group == group).unwrap_or_else(|| {
                shelves.push(Shelf { group, stored: 0, all: 0 });
                shelves.len() - 1
            });
            shelves[at].all += file.bytes;
            shelves[at].stored += if file.stored { file.bytes } else { 0 };
        }
        shelves.sort_by(|a, b| a.group.cmp(&b.group));
        shelves
    }

    /// Paths that are missing for times without a network.
    pub fn missing(&self, engine: Option<&str>) -> Vec<String> {
        let missing = self.files.iter().filter(|file| !file.stored && is_wanted(file, engine));
        missing.map(|file| file.path.clone()).collect()
    }
}

/// Other browsers' engines are never used here.
fn is_wanted(file: &StoredFile, engine: Option<&str>) -> bool {
    !file.path.starts_with(ENGINES) || engine.is_some_and(|engine| file.path.starts_with(engine))
}

impl State {
    /// The folder of the engine that runs, as `static/worker.js` names it.
    pub fn engine_folder(&self) -> Option<String> {
        let WorkerState::Ready(runtime) = self.worker else { return None };
        let set = if runtime.relaxed_simd_used { "relaxed" } else { "simd128" };
        let threads = if runtime.threads > 1 { "-threads" } else { "" };
        Some(format!("{ENGINES}{set}{threads}/"))
    }
}

/// The state after `action`.
pub(super) fn act(state: &mut State, action: OfflineAction, effects: &mut Vec<Effect>) {
    let engine = state.engine_folder();
    let offline = &mut state.offline;
    let mut ask = |effect| effects.push(Effect::Offline(effect));
    match action {
        OfflineAction::Supported(ready) => {
            offline.support = if ready { Support::Ready } else { Support::Missing };
            if ready && state.models_open {
                ask(OfflineEffect::List);
            }
        }
        OfflineAction::Listed(files, estimate) => {
            offline.files = files;
            offline.estimate = estimate;
        }
        OfflineAction::KeepAll => {
            let paths = offline.missing(engine.as_deref());
            if offline.support == Support::Ready && offline.keeping.is_none() && !paths.is_empty() {
                let wanted = offline.files.iter().filter(|file| paths.contains(&file.path));
                offline.keeping = Some((0, wanted.map(|file| file.bytes).sum()));
                offline.failure = None;
                ask(OfflineEffect::Keep { paths, shown: true });
            }
        }
        OfflineAction::Progress(done, total) => {
            if let Some(keeping) = &mut offline.keeping {
                *keeping = (done, total);
            }
        }
        OfflineAction::Kept => {
            offline.keeping = None;
            ask(OfflineEffect::List);
        }
        OfflineAction::NotKept(why) => {
            offline.keeping = None;
            offline.failure = why;
            ask(OfflineEffect::List);
        }
        OfflineAction::Cancel => {
            if offline.keeping.is_some() {
                ask(OfflineEffect::Cancel);
            }
        }
        OfflineAction::Forget(group) => {
            let files = offline.files.iter().filter(|file| file.stored && Group::of(file) == group);
            let paths: Vec<String> = files.map(|file| file.path.clone()).collect();
            ask(OfflineEffect::Forget(paths));
        }
        OfflineAction::Forgotten => ask(OfflineEffect::List),
        OfflineAction::Updated(update) => offline.update = update,
        OfflineAction::Update => ask(match offline.update {
            Update::Waits => OfflineEffect::TakeOver,
            Update::None | Update::TakenElsewhere => OfflineEffect::Reload,
        }),
    }
}

/// Starts the service worker once a model runs, so that nothing competes with it, and has kept what is used: a page is
/// first loaded without a service worker, which then knows nothing of it.
pub(super) fn follow(state: &mut State, effects: &mut Vec<Effect>) {
    if state.model.current.is_none() {
        return;
    }
    match state.offline.support {
        Support::Unknown if !state.offline.registered => {
            state.offline.registered = true;
            effects.push(Effect::Offline(OfflineEffect::Register));
        }
        Support::Unknown | Support::Missing => {}
        Support::Ready => keep_used(state, effects),
    }
}

/// Asks to keep what is used and was not asked for yet.
fn keep_used(state: &mut State, effects: &mut Vec<Effect>) {
    let mut used = Vec::new();
    if let Some(ModelChoice::Served(id)) = &state.model.choice {
        used.push(format!("models/{id}.safetensors"));
    }
    if let Some(folder) = state.engine_folder() {
        used.extend(["worker.js", "worker_bg.wasm"].map(|file| format!("{folder}{file}")));
    }
    used.extend(state.pictures.iter().flatten().map(|facts| format!("{PICTURES}{}", facts.file)));
    used.retain(|path| !state.offline.asked.contains(path));
    if !used.is_empty() {
        state.offline.asked.extend(used.iter().cloned());
        effects.push(Effect::Offline(OfflineEffect::Keep { paths: used, shown: false }));
    }
}
