//! Expressions that a seed decides: most of them well formed, many with something taken out, put in
//! or exchanged.

use super::cases::Case;

const NAMES: [&str; 9] = ["a", "s", "b", "f", "big", "z", "y", "TAGS", "_x$1"];
const TEXTS: [&str; 12] = [
    "'10'",
    "'abc'",
    "'a'",
    "''",
    "'it''s'",
    "'true'",
    "'1.5'",
    "'x'",
    "'TagA'",
    "'b'",
    "'\u{e9}\u{1f600}'",
    "'NaN'",
];
const NUMBERS: [&str; 20] = [
    "0",
    "1",
    "10",
    "007",
    "15L",
    "5l",
    "2147483647",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "1.5",
    "10.0",
    "0.0",
    ".5",
    "1.",
    "1e1",
    "1E-2",
    "3e400",
    "4.9E-324",
    "9007199254740993",
];
const WORDS: [&str; 40] = [
    "AND",
    "OR",
    "NOT",
    "IN",
    "IS",
    "NULL",
    "TRUE",
    "FALSE",
    "BETWEEN",
    "CONTAINS",
    "STARTSWITH",
    "ENDSWITH",
    "and",
    "Or",
    "nOt",
    "is",
    "null",
    "=",
    "<>",
    "<",
    "<=",
    ">",
    ">=",
    "(",
    ")",
    ",",
    "+",
    "-",
    "--",
    "/*",
    "*/",
    "!=",
    "==",
    "%",
    "'",
    "\"",
    ".",
    "\n",
    "LIKE",
    "\u{e9}",
];
const MESSAGES: [&str; 7] = [
    "",
    "a=10;s=abc;b=true;f=1.5",
    "a=-3;s=it's;b=FALSE;f=1e1;TAGS=TagA;_x$1=10",
    "a=+010;s=10;b=1;f= 2.5 ;big=9007199254740993",
    "a=abc;s=abcabc;f=NaN;y=abc;z=abc",
    "a=2147483648;s=;b=x;f=-0.0;y=0.0;z=-0",
    "a=10;s=\u{e9}\u{1f600};y=1.50;z=1.5d;big=9223372036854775807",
];

/// SplitMix64.
#[derive(Debug, Clone)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }
}

/// The case of a seed, with the outcome that this crate gives.
pub(crate) fn case(seed: u64) -> Case {
    let mut chance = Chance(seed);
    let mut words = Vec::new();
    condition(&mut chance, 0, &mut words);
    while chance.one_in(4) {
        mutate(&mut chance, &mut words);
    }
    let mut expression = String::new();
    for word in &words {
        if chance.one_in(12) {
            expression.push_str(chance.of(&["  ", "\t", "\r\n", " /* x **/ ", "-- y\n", ""]));
        } else {
            expression.push(' ');
        }
        expression.push_str(word);
    }
    if chance.one_in(10) {
        damage(&mut chance, &mut expression);
    }
    let line = format!("?\t{}\t", chance.of(&MESSAGES));
    let mut case = Case::parse(&line).unwrap();
    case.expression = expression;
    case.outcome = case.ours().to_owned();
    case
}

fn condition(chance: &mut Chance, depth: usize, words: &mut Vec<String>) {
    let say = |words: &mut Vec<String>, word: &str| words.push(word.to_owned());
    if depth > 3 {
        comparison(chance, depth, words);
        return;
    }
    match chance.below(10) {
        0..=3 => {
            condition(chance, depth + 1, words);
            say(words, chance.of(&["AND", "OR", "and", "or"]));
            condition(chance, depth + 1, words);
        }
        4 => {
            say(words, "(");
            condition(chance, depth + 1, words);
            say(words, ")");
        }
        5 => {
            say(words, "NOT");
            say(words, "(");
            condition(chance, depth + 1, words);
            say(words, ")");
        }
        _ => comparison(chance, depth, words),
    }
}

fn comparison(chance: &mut Chance, depth: usize, words: &mut Vec<String>) {
    operand(chance, depth, words);
    let negation = if chance.one_in(3) { "NOT" } else { "" };
    let mut say = |word: &str| {
        if !word.is_empty() {
            words.push(word.to_owned());
        }
    };
    match chance.below(9) {
        0..=2 => {
            say(chance.of(&["=", "<>"]));
            operand(chance, depth, words);
        }
        3 | 4 => {
            say(chance.of(&["<", "<=", ">", ">="]));
            operand(chance, depth, words);
        }
        5 => {
            say("IS");
            say(negation);
            say("NULL");
        }
        6 => {
            say(negation);
            say("BETWEEN");
            operand(chance, depth, words);
            words.push("AND".to_owned());
            operand(chance, depth, words);
        }
        7 => {
            say(negation);
            say("IN");
            say("(");
            say(chance.of(&TEXTS));
            while chance.one_in(2) {
                say(",");
                say(chance.of(&TEXTS));
            }
            say(")");
        }
        _ => {
            say(negation);
            say(chance.of(&["CONTAINS", "STARTSWITH", "ENDSWITH", "contains"]));
            say(chance.of(&TEXTS));
        }
    }
}

fn operand(chance: &mut Chance, depth: usize, words: &mut Vec<String>) {
    match chance.below(24) {
        0..=10 => words.push(chance.of(&NAMES).to_owned()),
        11..=15 => words.push(chance.of(&NUMBERS).to_owned()),
        16..=18 => words.push(chance.of(&TEXTS).to_owned()),
        19 => words.push(chance.of(&["TRUE", "FALSE", "NULL", "true"]).to_owned()),
        20 | 21 => {
            words.push(chance.of(&["-", "+", "NOT", "- -"]).to_owned());
            operand(chance, depth, words);
        }
        _ if depth < 3 => {
            words.push("(".to_owned());
            condition(chance, depth + 2, words);
            words.push(")".to_owned());
        }
        _ => words.push(chance.of(&NAMES).to_owned()),
    }
}

fn mutate(chance: &mut Chance, words: &mut Vec<String>) {
    let at = chance.below(words.len());
    match chance.below(5) {
        0 if words.len() > 1 => {
            words.remove(at);
        }
        1 => words.insert(at, chance.of(&WORDS).to_owned()),
        2 => words[at] = chance.of(&WORDS).to_owned(),
        3 => {
            let other = chance.below(words.len());
            words.swap(at, other);
        }
        _ => {
            let word = words[at].clone();
            words.insert(chance.below(words.len()), word);
        }
    }
}

/// One character goes, comes or is exchanged.
fn damage(chance: &mut Chance, text: &mut String) {
    let mut letters: Vec<char> = text.chars().collect();
    let at = chance.below(letters.len());
    let letter = char::from(b' ' + chance.below(95) as u8);
    match chance.below(3) {
        0 if letters.len() > 1 => {
            letters.remove(at);
        }
        1 => letters.insert(at, letter),
        _ => letters[at] = letter,
    }
    *text = letters.into_iter().collect();
}
