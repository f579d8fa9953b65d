//! Masking and truncation of one observation.

mod status;
mod structure;

use std::ops::Range;

use secrets::Patterns;
use transcript::{Excerpt, excerpt};

use super::base64;
use super::clean::Clean;
use super::masked::masked;
use super::tally::Tally;
use super::truncate::{self, Cut, offset_of};
use crate::trace::{Content, Observation, RequestContent};

pub(super) struct Masker<'a> {
    pub(super) max_chars: usize,
    /// `None` if secrets are not masked.
    pub(super) patterns: Option<&'a Patterns>,
    pub(super) tally: Tally,
    pub(super) clean: Clean,
}

impl Masker<'_> {
    pub(super) fn observation(&mut self, observation: &mut Observation) {
        for content in [&mut observation.input, &mut observation.output].into_iter().flatten() {
            match content {
                Content::Text(text) => self.text(text),
                Content::Json(value) => self.value(value),
                Content::Placeholder(_) => {}
            }
        }
        if let Some(request) = &mut observation.request {
            self.request(request);
        }
        observation.name.mask(|name| self.text(name));
        if let Some(status) = &mut observation.status {
            status.edit(|text| self.text(text));
        }
        for text in observation
            .model
            .iter_mut()
            .chain(&mut observation.answered_by)
            .chain(observation.metadata.values_mut())
        {
            self.text(text);
        }
        self.fields(&mut observation.parameters);
        for value in observation.parameters.values_mut() {
            self.value(value);
        }
    }

    /// Not truncated: a user who asks for requests needs all of them.
    fn request(&mut self, request: &mut RequestContent) {
        let max_chars = std::mem::replace(&mut self.max_chars, usize::MAX);
        request.system.iter_mut().chain(&mut request.tools).for_each(|value| self.value(value));
        self.max_chars = max_chars;
    }

    pub(super) fn text(&mut self, text: &mut String) {
        if let Some(placeholder) = base64::of_data_url(text) {
            *text = placeholder;
        }
        if let Some(excerpt) = excerpt(text) {
            *text = self.excerpt(&excerpt);
        } else {
            self.mask(text);
            truncate::apply(text, self.max_chars);
        }
    }

    /// The reader kept only the ends of the text. They are cut once more, because a secret may cross the reader's
    /// cut.
    fn excerpt(&mut self, excerpt: &Excerpt<'_>) -> String {
        let Excerpt { head, tail, characters } = excerpt;
        let cut = Cut::to(self.max_chars, *characters);
        let head = self.part(head, 0..offset_of(head, cut.head));
        let tail_start = tail.chars().count().saturating_sub(cut.tail);
        let tail = self.part(tail, offset_of(tail, tail_start)..tail.len());
        cut.join(&head, &tail)
    }

    /// A part of a text, with every overlapping secret masked.
    fn part(&mut self, text: &str, part: Range<usize>) -> String {
        let masked = self.masked(text, part.clone());
        masked.unwrap_or_else(|| text.get(part).unwrap_or_default().to_owned())
    }

    fn mask(&mut self, text: &mut String) {
        if self.clean.holds(text) {
            return;
        }
        match self.masked(text, 0..text.len()) {
            Some(masked) => *text = masked,
            None => self.clean.add(text),
        }
    }

    fn masked(&mut self, text: &str, part: Range<usize>) -> Option<String> {
        masked(text, part, self.patterns?, &mut self.tally)
    }
}
