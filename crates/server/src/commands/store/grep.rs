//! `ferrocket store grep`.

use std::ops::ControlFlow;

use ferrocket_protocol::message::{View, properties, property};

use super::message;
use super::print::{Out, ended};
use super::source;
use super::walk::Wanted;
use crate::cli::Output;
use crate::cli::store::{Field, Grep};
use crate::failure::Failure;

pub(super) fn run(options: &Grep) -> Result<u8, Failure> {
    let source = source::open(&options.place)?;
    let wanted = Wanted::new(&options.which)?;
    let log = ended(source.view.log())?;
    let mut out = Out::new();
    let mut found = 0;
    ended(wanted.walk(&log, &mut |record, fault| {
        if !matches(options, record) {
            return Ok(ControlFlow::Continue(()));
        }
        found += 1;
        match options.place.output {
            Output::Json => out.json(&message::json(record, fault))?,
            Output::Text => out.line(&message::line(record, options.body, fault))?,
        }
        Ok(if found >= wanted.limit() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    }))?;
    ended(out.flush())?;
    Ok(u8::from(found == 0))
}

fn matches(options: &Grep, record: &View<'_>) -> bool {
    let asked = |field| options.fields.is_empty() || options.fields.contains(&field);
    let hit = |text: &[u8]| is_hit(text, options.pattern.as_bytes(), options.exact);
    let text = |name| record.property(name).unwrap_or_default();
    let in_keys = || {
        let words = text(property::KEYS).split(' ');
        let mut keys = words.chain([text(property::UNIQ_KEY)]);
        keys.any(|key| !key.is_empty() && hit(key.as_bytes()))
    };
    let in_properties =
        || properties::iter(record.properties).any(|(_, value)| hit(value.as_bytes()));
    asked(Field::Key) && in_keys()
        || asked(Field::Tag) && hit(text(property::TAGS).as_bytes())
        || asked(Field::Property) && in_properties()
        || asked(Field::Body) && hit(&message::body(record))
}

fn is_hit(text: &[u8], pattern: &[u8], exact: bool) -> bool {
    if exact {
        text == pattern
    } else {
        pattern.is_empty() || text.windows(pattern.len()).any(|window| window == pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_found_within_or_as_the_whole() {
        assert!(is_hit(b"order-10086", b"100", false));
        assert!(!is_hit(b"order-10086", b"100", true));
        assert!(is_hit(b"order-10086", b"order-10086", true));
        assert!(!is_hit(b"a", b"ab", false));
    }
}
