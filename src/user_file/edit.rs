//! Writes a changed JSON object into its text. Only differing values change, and no other byte does.

use serde_json::{Map, Value};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::style::Style;
use super::tree::Node;

/// The text of `old` with the content of `new`. `None` if `text` does not hold `old`.
pub fn edited(text: &[u8], old: &Map<String, Value>, new: &Map<String, Value>) -> Option<Vec<u8>> {
    let root = Node::parse(text);
    let style = Style::of(text, root.as_ref());
    let new = Value::Object(new.clone());
    if root.is_none() {
        // White space only, and perhaps a byte order mark.
        let bom = text.strip_prefix(b"\xef\xbb\xbf").map_or(&b""[..], |_| b"\xef\xbb\xbf");
        let whole = format!("{}{}", style.on_lines(&new, "")?, style.newline);
        return Some([bom, whole.as_bytes()].concat());
    }
    let mut editor = Editor { text: text.to_vec(), style, path: Vec::new() };
    editor.change(&Value::Object(old.clone()), &new)?;
    Some(editor.text)
}

/// One step from a container to its child.
#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Index(usize),
}

struct Editor {
    text: Vec<u8>,
    style: Style,
    /// The value that is being changed.
    path: Vec<Step>,
}

impl Editor {
    fn change(&mut self, old: &Value, new: &Value) -> Option<()> {
        match (old, new) {
            (old, new) if old == new => Some(()),
            (Value::Object(old), Value::Object(new)) => self.change_object(old, new),
            (Value::Array(old), Value::Array(new)) => self.change_array(old, new),
            _ => self.replace(new),
        }
    }

    fn change_below(&mut self, step: Step, old: &Value, new: &Value) -> Option<()> {
        self.path.push(step);
        let changed = self.change(old, new);
        self.path.pop();
        changed
    }

    fn change_object(&mut self, old: &Map<String, Value>, new: &Map<String, Value>) -> Option<()> {
        for key in old.keys().filter(|key| !new.contains_key(*key)) {
            // The first value of a repeated name would come back.
            while let Some(index) = self.node()?.member(key) {
                self.remove(index)?;
            }
        }
        for (key, value) in new {
            match old.get(key) {
                Some(before) => self.change_below(Step::Key(key.clone()), before, value)?,
                None => self.insert(usize::MAX, Some(key), value)?,
            }
        }
        Some(())
    }

    /// From back to front, so that earlier offsets stay valid.
    fn change_array(&mut self, old: &[Value], new: &[Value]) -> Option<()> {
        let [before, after] =
            [old, new].map(|values| values.iter().map(Value::to_string).collect::<Vec<_>>());
        for op in capture_diff_slices(Algorithm::Myers, &before, &after).into_iter().rev() {
            if matches!(op, DiffOp::Equal { .. }) {
                continue;
            }
            let (from, to) = (op.old_range(), op.new_range());
            let common = from.len().min(to.len());
            for index in (from.start + common..from.end).rev() {
                self.remove(index)?;
            }
            for value in new.get(to.start + common..to.end)?.iter().rev() {
                self.insert(from.start + common, None, value)?;
            }
            let pairs = old.get(from.clone())?.iter().zip(new.get(to)?);
            for (index, (before, value)) in (from.start..).zip(pairs) {
                self.change_below(Step::Index(index), before, value)?;
            }
        }
        Some(())
    }

    /// The value at the path, in the current text.
    fn node(&self) -> Option<Node> {
        let mut node = Node::parse(&self.text)?;
        for step in &self.path {
            let index = match step {
                Step::Key(key) => node.member(key)?,
                Step::Index(index) => *index,
            };
            node = node.children.into_iter().nth(index)?.node;
        }
        Some(node)
    }

    fn replace(&mut self, value: &Value) -> Option<()> {
        let Node { start, end, .. } = self.node()?;
        let has_lines = self.text.get(start..end)?.contains(&b'\n');
        let text = if has_lines || self.style.has_lines {
            self.style.on_lines(value, &self.line_indent(start))?
        } else {
            self.style.on_one_line(value)?
        };
        self.splice(start..end, &text);
        Some(())
    }

    /// Adds a member or an element before the child of this index, or at the end.
    fn insert(&mut self, index: usize, key: Option<&str>, value: &Value) -> Option<()> {
        let node = self.node()?;
        let named = |text: String| match key {
            Some(key) => format!("{}:{}{text}", Value::from(key), self.style.space()),
            None => text,
        };
        let (Some(last), next) = (node.children.last(), node.children.get(index)) else {
            return self.insert_first(&node, key, value);
        };
        // The white space between a child and the comma or bracket before it.
        let gap = self.gap_before(next.unwrap_or(last).start);
        let (gap, text) = match gap.rsplit_once('\n') {
            Some((_, indent)) => {
                let lines = self.style.on_lines(value, indent)?;
                let text = match key {
                    Some(key) => format!("{}: {lines}", Value::from(key)),
                    None => lines,
                };
                (format!("{}{indent}", self.style.newline), text)
            }
            None if node.children.len() > 1 => (gap, named(self.style.on_one_line(value)?)),
            None => (self.style.space().to_owned(), named(self.style.on_one_line(value)?)),
        };
        match next {
            Some(next) => self.splice(next.start..next.start, &format!("{text},{gap}")),
            None => self.splice(last.node.end..last.node.end, &format!(",{gap}{text}")),
        }
        Some(())
    }

    /// The first child of an empty container.
    fn insert_first(&mut self, node: &Node, key: Option<&str>, value: &Value) -> Option<()> {
        let name = key.map(|key| Value::from(key).to_string());
        let inside = node.start + 1..node.end.checked_sub(1)?;
        let is_root = self.path.is_empty();
        let text = if is_root || self.style.has_lines {
            let outer = self.line_indent(node.start);
            let inner = format!("{outer}{}", self.style.indent);
            let name = name.map(|name| format!("{name}: ")).unwrap_or_default();
            let lines = self.style.on_lines(value, &inner)?;
            let newline = self.style.newline;
            format!("{newline}{inner}{name}{lines}{newline}{outer}")
        } else {
            let name = name.map(|name| format!("{name}:{}", self.style.space()));
            format!("{}{}", name.unwrap_or_default(), self.style.on_one_line(value)?)
        };
        self.splice(inside, &text);
        Some(())
    }

    /// Removes a child with the comma that it needed.
    fn remove(&mut self, index: usize) -> Option<()> {
        let node = self.node()?;
        let child = node.children.get(index)?;
        let before = index.checked_sub(1).and_then(|index| node.children.get(index));
        let range = match (before, node.children.get(index + 1)) {
            (Some(before), _) => before.node.end..child.node.end,
            (None, Some(after)) => child.start..after.start,
            (None, None) => node.start + 1..node.end.checked_sub(1)?,
        };
        self.splice(range, "");
        Some(())
    }

    fn splice(&mut self, range: std::ops::Range<usize>, text: &str) {
        self.text.splice(range, text.bytes());
    }

    /// The white space directly before an offset.
    fn gap_before(&self, place: usize) -> String {
        let before = self.text.get(..place).unwrap_or_default();
        let length = before.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
        let gap = before.get(place - length..).unwrap_or_default();
        String::from_utf8_lossy(gap).into_owned()
    }

    /// The indentation of the line with an offset.
    fn line_indent(&self, place: usize) -> String {
        let before = self.text.get(..place).unwrap_or_default();
        let line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let length = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        String::from_utf8_lossy(line.get(..length).unwrap_or_default()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::edited;

    fn change(text: &str, change: impl FnOnce(&mut Value)) -> String {
        let old: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
        let mut new = old.clone();
        change(&mut new);
        let objects = (old.as_object().unwrap(), new.as_object().unwrap());
        let bytes = edited(text.as_bytes(), objects.0, objects.1).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let written: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
        assert_eq!(written, new, "{text}");
        text
    }

    #[test]
    fn a_new_member_is_written_as_its_neighbours_are() {
        for (before, after) in [
            ("{}", "{\n  \"new\": [\n    1\n  ]\n}"),
            ("{\"a\":1}", "{\"a\":1,\"new\":[1]}"),
            ("{ \"a\": 1 }", "{ \"a\": 1, \"new\": [1] }"),
            ("{\n\t\"a\": 1\n}\n", "{\n\t\"a\": 1,\n\t\"new\": [\n\t\t1\n\t]\n}\n"),
            (
                "\u{feff}{\r\n    \"a\": 1\r\n}",
                "\u{feff}{\r\n    \"a\": 1,\r\n    \"new\": [\r\n        1\r\n    ]\r\n}",
            ),
            ("{\n\n  \"a\" : 1.50e3 }", "{\n\n  \"a\" : 1.50e3,\n  \"new\": [\n    1\n  ] }"),
        ] {
            let added = change(before, |new| new["new"] = json!([1]));
            assert_eq!(added, after);
            let without = change(&added, |new| {
                new.as_object_mut().unwrap().remove("new");
            });
            assert_eq!(without, before, "removed again");
        }
    }

    #[test]
    fn elements_come_and_go_without_a_change_of_others() {
        let text = "{\n  \"a\": [ 1,2 ,\n 1.0e1, \"\\u00e9\\/\" ]\n}";
        for (values, after) in [
            (json!([2, 10.0, "é/"]), "{\n  \"a\": [ 2 ,\n 1.0e1, \"\\u00e9\\/\" ]\n}"),
            (json!([1, 2, "é/"]), "{\n  \"a\": [ 1,2, \"\\u00e9\\/\" ]\n}"),
            (json!([1, 2, 10.0]), "{\n  \"a\": [ 1,2 ,\n 1.0e1 ]\n}"),
            (json!([1, 3, 10.0, "é/"]), "{\n  \"a\": [ 1,3 ,\n 1.0e1, \"\\u00e9\\/\" ]\n}"),
            (
                json!([0, 1, 2, 10.0, "é/", 5]),
                "{\n  \"a\": [ 0, 1,2 ,\n 1.0e1, \"\\u00e9\\/\", 5 ]\n}",
            ),
            (json!([]), "{\n  \"a\": []\n}"),
        ] {
            assert_eq!(change(text, |new| new["a"] = values), after);
        }
    }

    #[test]
    fn removes_a_repeated_name_whole() {
        assert_eq!(
            change(r#"{"a":1,"b":2,"a":3}"#, |new| {
                new.as_object_mut().unwrap().remove("a");
            }),
            r#"{"b":2}"#
        );
        assert_eq!(
            change(r#"{"a":1,"b":2,"a":3}"#, |new| new["a"] = json!(4)),
            r#"{"a":1,"b":2,"a":4}"#
        );
    }
}
