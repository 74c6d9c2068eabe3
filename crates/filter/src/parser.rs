//! From words to a tree, by recursive descent. From the loosest to the tightest: `OR`, `AND`,
//! equations and `IS NULL`, the other comparisons, signs and `NOT`.
//!
//! A complete expression ends the reading; only the one word behind it has to be a word. That is what
//! `SelectorParser` does, and expressions in use may depend on it.

use crate::check;
use crate::error::ExpressionError;
use crate::lexer::{Keyword, Lexer, Symbol, Word};
use crate::tree::{Literal, Node, Order, Part};
use crate::{DEPTH_MAX, EXPRESSION_BYTES_MAX, NODES_MAX};

/// Characters of a word that an error shows.
const SHOWN_CHARS_MAX: usize = 40;

pub(crate) fn parse(text: &str) -> Result<Node, ExpressionError> {
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(ExpressionError::TooLong { bytes: text.len() });
    }
    let mut lexer = Lexer::new(text);
    let (word, at) = lexer.next()?;
    let mut parser = Parser {
        lexer,
        word,
        at,
        depth: 0,
        nodes: 0,
    };
    let whole = parser.either()?;
    let place = parser.lexer.place(whole.at);
    check::truth(whole.node, "the expression as a whole", place)
}

/// A part of the tree.
struct Operand {
    node: Node,
    /// Where it begins.
    at: usize,
    /// Nodes on the longest way down.
    height: usize,
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The word that comes next.
    word: Word<'a>,
    at: usize,
    depth: usize,
    /// Made so far.
    nodes: usize,
}

impl Parser<'_> {
    fn either(&mut self) -> Result<Operand, ExpressionError> {
        self.chain(Keyword::Or, "OR", Self::both, Node::Or)
    }

    fn both(&mut self) -> Result<Operand, ExpressionError> {
        self.chain(Keyword::And, "AND", Self::equation, Node::And)
    }

    /// Operands with a keyword between them.
    fn chain(
        &mut self,
        keyword: Keyword,
        name: &'static str,
        operand: fn(&mut Self) -> Result<Operand, ExpressionError>,
        join: fn(Vec<Node>) -> Node,
    ) -> Result<Operand, ExpressionError> {
        let first = operand(self)?;
        if self.word != Word::Keyword(keyword) {
            return Ok(first);
        }
        let (at, mut height) = (first.at, first.height);
        let mut nodes = vec![self.truth(first, name)?];
        while self.takes(Word::Keyword(keyword))? {
            let next = operand(self)?;
            height = height.max(next.height);
            nodes.push(self.truth(next, name)?);
        }
        self.operand(join(nodes), at, height)
    }

    fn equation(&mut self) -> Result<Operand, ExpressionError> {
        let mut left = self.comparison()?;
        loop {
            let (right, negated) = match self.word {
                Word::Symbol(symbol @ (Symbol::Equal | Symbol::Unequal)) => {
                    self.advance()?;
                    let right = self.comparison()?;
                    check::equal(&left.node, &right.node, self.lexer.place(left.at))?;
                    (right, symbol == Symbol::Unequal)
                }
                Word::Keyword(Keyword::Is) => {
                    self.advance()?;
                    let negated = self.takes(Word::Keyword(Keyword::Not))?;
                    let wanted = if negated { "NULL" } else { "NULL or NOT NULL" };
                    self.expect(Word::Keyword(Keyword::Null), wanted)?;
                    let null = Node::Literal(Literal::Null);
                    (self.operand(null, left.at, 0)?, negated)
                }
                _ => return Ok(left),
            };
            let (at, height) = (left.at, left.height.max(right.height));
            let equal = Node::Equal(Box::new(left.node), Box::new(right.node));
            left = self.operand(equal, at, height)?;
            if negated {
                left = self.operand(Node::Not(Box::new(left.node)), at, left.height)?;
            }
        }
    }

    fn comparison(&mut self) -> Result<Operand, ExpressionError> {
        let mut left = self.signed()?;
        loop {
            left = match self.word {
                Word::Symbol(Symbol::Greater) => self.ordered(left, Order::Greater)?,
                Word::Symbol(Symbol::GreaterOrEqual) => {
                    self.ordered(left, Order::GreaterOrEqual)?
                }
                Word::Symbol(Symbol::Less) => self.ordered(left, Order::Less)?,
                Word::Symbol(Symbol::LessOrEqual) => self.ordered(left, Order::LessOrEqual)?,
                Word::Keyword(Keyword::Not) => {
                    self.advance()?;
                    match self.keyword_form(left, true)? {
                        Ok(operand) => operand,
                        Err(_) => {
                            return Err(self.unexpected(
                                "BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH behind NOT",
                            ));
                        }
                    }
                }
                _ => match self.keyword_form(left, false)? {
                    Ok(operand) => operand,
                    Err(alone) => return Ok(alone),
                },
            };
        }
    }

    /// `left` with a `BETWEEN`, `IN` or `CONTAINS` that comes next; `left` itself when none does.
    fn keyword_form(
        &mut self,
        left: Operand,
        negated: bool,
    ) -> Result<Result<Operand, Operand>, ExpressionError> {
        let part = match self.word {
            Word::Keyword(Keyword::Between) => return self.between(left, negated).map(Ok),
            Word::Keyword(Keyword::In) => return self.one_of(left, negated).map(Ok),
            Word::Keyword(Keyword::Contains) => Part::Anywhere,
            Word::Keyword(Keyword::StartsWith) => Part::Start,
            Word::Keyword(Keyword::EndsWith) => Part::End,
            _ => return Ok(Err(left)),
        };
        self.advance()?;
        let text = self.quoted()?;
        let node = Node::Part {
            part,
            of: Box::new(left.node),
            text,
            negated,
        };
        self.operand(node, left.at, left.height).map(Ok)
    }

    fn ordered(&mut self, left: Operand, order: Order) -> Result<Operand, ExpressionError> {
        self.advance()?;
        let right = self.signed()?;
        let (at, height) = (left.at, left.height.max(right.height));
        self.check_ordered(&left, order.text())?;
        self.check_ordered(&right, order.text())?;
        let node = Node::Order(order, Box::new(left.node), Box::new(right.node));
        self.operand(node, at, height)
    }

    fn between(&mut self, left: Operand, negated: bool) -> Result<Operand, ExpressionError> {
        self.advance()?;
        let low = self.signed()?;
        self.expect(Word::Keyword(Keyword::And), "AND and the upper bound")?;
        let high = self.signed()?;
        for operand in [&left, &low, &high] {
            self.check_ordered(operand, "BETWEEN")?;
        }
        if !negated {
            check::bounds(&low.node, &high.node, self.lexer.place(low.at))?;
        }
        let height = left.height.max(low.height).max(high.height);
        let node = Node::Between {
            of: Box::new(left.node),
            low: Box::new(low.node),
            high: Box::new(high.node),
            negated,
        };
        self.operand(node, left.at, height)
    }

    fn one_of(&mut self, left: Operand, negated: bool) -> Result<Operand, ExpressionError> {
        let Node::Property(property) = left.node else {
            return Err(ExpressionError::Operand {
                at: self.lexer.place(left.at).position(),
                operator: "IN",
                found: "a value",
                expected: "the name of a property before it",
            });
        };
        self.advance()?;
        self.expect(Word::Symbol(Symbol::Open), "( and texts behind IN")?;
        let mut texts = vec![self.quoted()?];
        while self.takes(Word::Symbol(Symbol::Comma))? {
            texts.push(self.quoted()?);
        }
        self.expect(Word::Symbol(Symbol::Close), ", or )")?;
        texts.sort_unstable();
        texts.dedup();
        let node = Node::In {
            property,
            texts,
            negated,
        };
        self.operand(node, left.at, left.height)
    }

    /// Signs and `NOT` before a value.
    fn signed(&mut self) -> Result<Operand, ExpressionError> {
        let at = self.at;
        match self.word {
            Word::Symbol(Symbol::Plus) => {
                self.deeper()?;
                let operand = self.signed()?;
                self.depth -= 1;
                Ok(Operand { at, ..operand })
            }
            Word::Symbol(Symbol::Minus) => {
                self.deeper()?;
                let operand = self.signed()?;
                self.depth -= 1;
                self.operand(Node::Negative(Box::new(operand.node)), at, operand.height)
            }
            Word::Keyword(Keyword::Not) => {
                self.deeper()?;
                let operand = self.signed()?;
                self.depth -= 1;
                let height = operand.height;
                let node = self.truth(operand, "NOT")?;
                self.operand(Node::Not(Box::new(node)), at, height)
            }
            _ => self.single(),
        }
    }

    fn single(&mut self) -> Result<Operand, ExpressionError> {
        let at = self.at;
        let node = match self.word {
            Word::Symbol(Symbol::Open) => {
                self.deeper()?;
                let inside = self.either()?;
                self.depth -= 1;
                self.expect(
                    Word::Symbol(Symbol::Close),
                    "an operator or ) for the ( that is open",
                )?;
                return Ok(Operand { at, ..inside });
            }
            Word::Name(name) => Node::Property(name.into()),
            Word::Keyword(Keyword::True) => Node::Literal(Literal::Truth(true)),
            Word::Keyword(Keyword::False) => Node::Literal(Literal::Truth(false)),
            Word::Keyword(Keyword::Null) => Node::Literal(Literal::Null),
            Word::Text(text) => Node::Literal(Literal::Text(unquoted(text))),
            Word::Integer(digits) => Node::Literal(self.integer(digits)?),
            Word::Decimal(digits) => Node::Literal(self.decimal(digits)?),
            _ => return Err(self.unexpected("a property, a value or (")),
        };
        self.advance()?;
        self.operand(node, at, 0)
    }

    fn integer(&self, digits: &str) -> Result<Literal, ExpressionError> {
        let number: i64 = digits
            .parse()
            .map_err(|_| self.out_of_range(digits, "whole numbers up to 9223372036854775807"))?;
        Ok(i32::try_from(number).map_or(Literal::Long(number), Literal::Integer))
    }

    fn decimal(&self, digits: &str) -> Result<Literal, ExpressionError> {
        let number: f64 = digits.parse().unwrap_or(f64::INFINITY);
        // `ConstantExpression#createFloat` takes zero for a number that is too small.
        if number.is_finite() && number > 0.0 {
            return Ok(Literal::Double(number));
        }
        let range = "decimals from 4.9E-324 to 1.7976931348623157E308, or 0 without a point";
        Err(self.out_of_range(digits, range))
    }

    fn quoted(&mut self) -> Result<Box<str>, ExpressionError> {
        let Word::Text(text) = self.word else {
            return Err(self.unexpected("a text in '"));
        };
        self.advance()?;
        Ok(unquoted(text))
    }

    /// A node above others that are `below` high.
    fn operand(&mut self, node: Node, at: usize, below: usize) -> Result<Operand, ExpressionError> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(ExpressionError::TooMany {
                at: self.lexer.place(at).position(),
            });
        }
        let height = below + 1;
        if height > DEPTH_MAX {
            return Err(ExpressionError::TooDeep {
                at: self.lexer.place(at).position(),
            });
        }
        Ok(Operand { node, at, height })
    }

    fn truth(&self, operand: Operand, operator: &'static str) -> Result<Node, ExpressionError> {
        check::truth(operand.node, operator, self.lexer.place(operand.at))
    }

    fn check_ordered(
        &self,
        operand: &Operand,
        operator: &'static str,
    ) -> Result<(), ExpressionError> {
        check::ordered(&operand.node, operator, self.lexer.place(operand.at))
    }

    /// Takes the word that comes next, and goes one level down.
    fn deeper(&mut self) -> Result<(), ExpressionError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let at = self.lexer.place(self.at).position();
            return Err(ExpressionError::TooDeep { at });
        }
        self.advance()
    }

    fn advance(&mut self) -> Result<(), ExpressionError> {
        (self.word, self.at) = self.lexer.next()?;
        Ok(())
    }

    fn takes(&mut self, word: Word<'_>) -> Result<bool, ExpressionError> {
        let there = self.word == word;
        if there {
            self.advance()?;
        }
        Ok(there)
    }

    fn expect(&mut self, word: Word<'_>, wanted: &'static str) -> Result<(), ExpressionError> {
        if self.takes(word)? {
            Ok(())
        } else {
            Err(self.unexpected(wanted))
        }
    }

    fn unexpected(&self, expected: &'static str) -> ExpressionError {
        ExpressionError::Unexpected {
            at: self.lexer.place(self.at).position(),
            found: shortened(&self.word.to_string()),
            expected,
        }
    }

    fn out_of_range(&self, digits: &str, range: &'static str) -> ExpressionError {
        ExpressionError::Number {
            at: self.lexer.place(self.at).position(),
            number: shortened(digits),
            range,
        }
    }
}

fn unquoted(text: &str) -> Box<str> {
    text.replace("''", "'").into()
}

fn shortened(word: &str) -> String {
    match word.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", word.get(..end).unwrap_or_default()),
        None => word.to_owned(),
    }
}
