//! Values under two names in one place, of which only one counts.

use super::layers::Layers;
use super::source::Problem;
use super::variables::{VARIABLES, Variable};

/// The values that another value in the same place overrides. `CC_LANGFUSE_X` beside `LANGFUSE_X` is no
/// contradiction: it sets a value for this program alone.
pub(super) fn contradictions(layers: &Layers) -> Vec<Problem> {
    let both = |variable| (0..layers.depth()).filter_map(move |depth| of(layers, depth, variable));
    VARIABLES.iter().flat_map(both).collect()
}

fn of(layers: &Layers, depth: usize, variable: &Variable) -> Option<Problem> {
    let counts = layers.at(depth, variable)?;
    let is_for_us = |spelling: &str| spelling.starts_with("CC_");
    let own = layers.layers.get(depth)?;
    let other = variable.spellings.iter().find_map(|spelling| {
        let given = own.own(spelling)?;
        let is_beside = *spelling != counts.spelling
            && is_for_us(spelling) == is_for_us(counts.spelling)
            && *given.place == *counts.place;
        let is_same = variable.is_same(counts.text, &given.text);
        (is_beside && !is_same).then_some(*spelling)
    })?;
    let what = format!("ignored: {} beside it counts", counts.spelling);
    Some(Problem::of_variable(other, counts.place, what, "remove one of the two"))
}
