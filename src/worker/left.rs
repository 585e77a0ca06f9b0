//! The left side: the original, or what another recipe makes of it.

use std::sync::Arc;

use pipeline::Recipe;

use super::session::Left;
use super::{Shared, compress};
use crate::bridge::{Answer, Failure, RequestId};

/// Puts what `recipe` makes on the left side, or the original. Until then, and on failure, the former one stays.
pub(super) async fn set(session: &Shared, id: RequestId, recipe: Option<Recipe>) -> Result<Answer, Failure> {
    let Some(recipe) = recipe else {
        session.borrow_mut().replace_left(None);
        return Ok(Answer::LeftSet { id, facts: None });
    };
    let (graph, classifier, facts) = compress::make(session, id, recipe).await?;
    session.borrow_mut().replace_left(Some(Left { graph: Arc::new(graph), classifier }));
    Ok(Answer::LeftSet { id, facts: Some(facts) })
}
