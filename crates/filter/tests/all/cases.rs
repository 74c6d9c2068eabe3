//! Expressions with messages and what comes out, one a line: the outcome, the properties
//! (`name=value;name=value`) and the expression, between tabs. A backslash escapes; see
//! `interop/sql/java/EvaluateSql.java`, which reads the same lines.

use ferrocket_filter::Expression;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) outcome: String,
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) expression: String,
}

impl Case {
    /// `None` for a line without a case.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let mut columns = line.split('\t');
        let outcome = columns.next().unwrap().to_owned();
        let properties = properties(columns.next().unwrap());
        let expression = unescaped(columns.next().unwrap());
        Some(Self {
            outcome,
            properties,
            expression,
        })
    }

    /// What this crate makes of it.
    pub(crate) fn ours(&self) -> &'static str {
        let Ok(expression) = Expression::compile(&self.expression) else {
            return "refused";
        };
        let property = |name: &str| {
            let mut pairs = self.properties.iter().rev();
            pairs
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
        };
        match expression.evaluate(property) {
            Ok(Some(true)) => "true",
            Ok(Some(false)) => "false",
            Ok(None) => "null",
            Err(_) => "throws",
        }
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\t", self.outcome)?;
        for (index, (name, value)) in self.properties.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(
                f,
                "{separator}{name}={}",
                escaped(value).replace(';', "\\;")
            )?;
        }
        write!(f, "\t{}", escaped(&self.expression))
    }
}

fn properties(column: &str) -> Vec<(String, String)> {
    let mut pairs = vec![String::new()];
    let mut letters = column.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ';' => pairs.push(String::new()),
            '\\' => {
                let pair = pairs.last_mut().unwrap();
                pair.push('\\');
                pair.extend(letters.next());
            }
            _ => pairs.last_mut().unwrap().push(letter),
        }
    }
    pairs
        .iter()
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), unescaped(value)))
        .collect()
}

fn unescaped(text: &str) -> String {
    let mut units = Vec::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let plain = match letter {
            '\\' => match letters.next().unwrap() {
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                'f' => '\x0c',
                'u' => {
                    let digits: String = letters.by_ref().take(4).collect();
                    units.push(u16::from_str_radix(&digits, 16).unwrap());
                    continue;
                }
                other => other,
            },
            other => other,
        };
        units.extend_from_slice(plain.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16(&units).unwrap()
}

fn escaped(text: &str) -> String {
    text.encode_utf16()
        .map(|unit| match u8::try_from(unit) {
            Ok(b'\\') => "\\\\".to_owned(),
            Ok(b' '..=b'~') => char::from(unit as u8).to_string(),
            Ok(b'\t') => "\\t".to_owned(),
            Ok(b'\n') => "\\n".to_owned(),
            Ok(b'\r') => "\\r".to_owned(),
            Ok(b'\x0c') => "\\f".to_owned(),
            _ => format!("\\u{unit:04x}"),
        })
        .collect()
}
