//! References: fastjson 1 prints an object that occurs twice in a document as
//! `{"$ref":"$.path"}` the second time.
//!
//! Following them is bounded, both in what is searched and in what it adds to the document.

use super::JsonError;
use super::cursor::{Cursor, Scalar};
use super::read::Reader;

/// What following `{"$ref":"$.path"}` may still cost: bytes looked at to find targets, and bytes of
/// the targets themselves, which become memory.
#[derive(Debug)]
pub(super) struct References {
    search_bytes: usize,
    target_bytes: usize,
}

impl References {
    pub(super) const fn of(document_bytes: usize) -> Self {
        Self {
            search_bytes: document_bytes.saturating_mul(64).saturating_add(1 << 20),
            target_bytes: document_bytes.saturating_add(1 << 16),
        }
    }

    fn charge(&mut self, searched: usize, target: usize) -> Option<()> {
        self.search_bytes = self.search_bytes.checked_sub(searched)?;
        self.target_bytes = self.target_bytes.checked_sub(target)?;
        Some(())
    }
}

impl Reader<'_, '_> {
    /// If the object that is next is a reference, consumes it and returns where its target is.
    /// fastjson 1 writes one for an object that occurs twice in a document.
    pub(super) fn reference(&mut self) -> Result<Option<usize>, JsonError> {
        let at = self.cursor.at;
        let rest = self.cursor.input.get(at..).unwrap_or_default();
        if !rest.starts_with(b"{\"$ref\"") {
            return Ok(None);
        }
        self.cursor.skip_value()?;
        let mut inner = Cursor {
            at: at + 7,
            ..self.cursor.clone()
        };
        inner.expect(b':', "a colon")?;
        let Scalar::Text(path) = inner.scalar()? else {
            return Err(JsonError::Reference { at });
        };
        let target = self.resolve(&path, at)?;
        Ok(Some(target))
    }

    /// Finds `$.name[0].name` by walking the document from its start.
    fn resolve(&mut self, path: &str, at: usize) -> Result<usize, JsonError> {
        let nowhere = JsonError::Reference { at };
        let mut steps = path.strip_prefix('$').ok_or(nowhere.clone())?;
        let mut walker = Cursor {
            at: 0,
            depth: self.cursor.depth,
            ..self.cursor.clone()
        };
        while !steps.is_empty() {
            let found = if let Some(index) = steps.strip_prefix('[') {
                let (index, after) = index.split_once(']').ok_or(nowhere.clone())?;
                steps = after;
                let index = index.parse().map_err(|_| nowhere.clone())?;
                step_into_array(&mut walker, index)?
            } else {
                let name = steps.strip_prefix('.').ok_or(nowhere.clone())?;
                let end = name.find(['.', '[']).unwrap_or(name.len());
                let (name, after) = name.split_at(end);
                steps = after;
                step_into_object(&mut walker, name)?
            };
            if !found {
                return Err(nowhere);
            }
        }
        walker.skip_space();
        let target = walker.at;
        walker.skip_value()?;
        self.references
            .charge(walker.at, walker.at - target)
            .ok_or(nowhere)?;
        Ok(target)
    }
}

/// Steps to the value of a member; the cursor is left in front of it.
fn step_into_object(walker: &mut Cursor<'_>, name: &str) -> Result<bool, JsonError> {
    walker.skip_space();
    if walker.peek() != Some(b'{') {
        return Ok(false);
    }
    walker.enter()?;
    let mut is_first = true;
    while walker.next_element(is_first, b'}')? {
        is_first = false;
        let found = match walker.peek() {
            Some(b'{' | b'[') => walker.skip_value().map(|()| false)?,
            _ => walker.name()? == name,
        };
        walker.expect(b':', "a colon")?;
        if found {
            return Ok(true);
        }
        walker.skip_value()?;
    }
    Ok(false)
}

/// Steps to an element; the cursor is left in front of it.
fn step_into_array(walker: &mut Cursor<'_>, index: usize) -> Result<bool, JsonError> {
    walker.skip_space();
    if walker.peek() != Some(b'[') {
        return Ok(false);
    }
    walker.enter()?;
    let mut position = 0;
    while walker.next_element(position == 0, b']')? {
        if position == index {
            return Ok(true);
        }
        position += 1;
        walker.skip_value()?;
    }
    Ok(false)
}
