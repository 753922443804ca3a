//! CEL's grammar, by recursive descent. Its rules are cel-go's, and so are its limits: how deep they may be within each other is counted
//! before anything is built of them.

use std::mem;
use std::sync::Arc;

use super::recovery::{Fatal, Halt, Recovery};
use super::token::{Kind, Set, Token};
use super::{Parsed, Places, lexer, macros, unescape};
use crate::ast::{self, Entry, Expr, Field, Literal, op};
use crate::source::Issues;

/// How often a rule may be within itself, and how deep an expression may be.
const MAX_DEPTH: u32 = 250;

/// Names that are no variables.
const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "package",
    "namespace",
    "null",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// What an operand may begin with, signs of `!` aside.
const PRIMARY: Set = Set::of(&[
    Kind::LeftBracket,
    Kind::LeftBrace,
    Kind::LeftParen,
    Kind::Dot,
    Kind::Minus,
    Kind::True,
    Kind::False,
    Kind::Null,
    Kind::Float,
    Kind::Int,
    Kind::Uint,
    Kind::String,
    Kind::Bytes,
    Kind::Identifier,
]);
const EXPR: Set = PRIMARY.and(Set::of(&[Kind::Exclamation]));
const END: Set = Set::EPSILON;
const OPTIONAL: Set = Set::of(&[Kind::Question]);
const RELATIONS: Set = Set::of(&[
    Kind::Equals,
    Kind::NotEquals,
    Kind::In,
    Kind::Less,
    Kind::LessEquals,
    Kind::GreaterEquals,
    Kind::Greater,
])
.and(END);
const OPERATORS: Set = Set::of(&[Kind::Plus, Kind::Minus, Kind::Star, Kind::Slash, Kind::Percent]).and(END);
const MEMBERS: Set = Set::of(&[Kind::Dot, Kind::LeftBracket]).and(END);
const COMMA: Set = Set::of(&[Kind::Comma]).and(END);
const COLON: Set = Set::of(&[Kind::Colon]);
const NAME: Set = Set::of(&[Kind::Identifier, Kind::EscapedIdentifier]);

/// The rules of the grammar that may be within themselves.
#[derive(Debug, Clone, Copy)]
#[repr(usize)]
enum Rule {
    Expr,
    Or,
    And,
    Relation,
    Calc,
    Unary,
    Member,
    Primary,
    List,
}

/// A part and how deep it is, as cel-go counts.
struct Part {
    expr: Expr,
    depth: u32,
}

pub(super) struct Parser {
    pub(super) issues: Issues,
    pub(super) tokens: Vec<Token>,
    pub(super) at: usize,
    /// What may come behind each of the rules that are begun.
    pub(super) follows: Vec<Set>,
    pub(super) recovery: Recovery,
    /// The bytes that are no tokens.
    pub(super) no_tokens: Vec<(usize, usize)>,
    depths: [u32; 9],
    places: Places,
    /// What is wrong with what was parsed; cel-go looks for it when all is parsed.
    later: Vec<(Option<u32>, String)>,
}

impl Parser {
    pub(super) fn new(issues: Issues) -> Self {
        Self {
            issues,
            tokens: Vec::new(),
            at: 0,
            follows: Vec::new(),
            recovery: Recovery::default(),
            no_tokens: Vec::new(),
            depths: [0; 9],
            places: Places::default(),
            later: Vec::new(),
        }
    }

    pub(super) fn parse(mut self) -> (Parsed, Issues) {
        let mut errors = Vec::new();
        self.tokens = lexer::tokens(self.issues.source().text(), |offset, bytes, message| {
            errors.push((offset, bytes, message))
        });
        let unknown = errors.into_iter().try_for_each(|(offset, bytes, message)| {
            self.no_tokens.push(bytes);
            let at = Token {
                kind: Kind::Eof,
                begin: 0,
                end: 0,
                offset,
            };
            self.syntax_error(at, &message)
        });
        let parsed = unknown.and_then(|()| self.start());
        if parsed.is_ok() {
            for (offset, message) in mem::take(&mut self.later) {
                self.issues.report_at(offset, message);
            }
        }
        let expr = parsed.map_or(
            Expr {
                id: 0,
                kind: ast::Kind::Unspecified,
            },
            |part| part.expr,
        );
        (
            Parsed {
                expr,
                places: self.places,
            },
            self.issues,
        )
    }

    pub(super) fn text(&self) -> &str {
        self.issues.source().text()
    }

    fn start(&mut self) -> Result<Part, Fatal> {
        let part = self.expr(Set::of(&[Kind::Eof]))?;
        if let Err(halt) = self.expect(Kind::Eof, END) {
            self.recover(halt)?;
        }
        Ok(part)
    }

    /// A rule, with what may come behind it: what is wrong within it ends it, and parsing goes on.
    fn rule(
        &mut self,
        rules: &[Rule],
        follow: Set,
        parse: impl FnOnce(&mut Self) -> Result<Part, Halt>,
    ) -> Result<Part, Fatal> {
        for rule in rules {
            let depth = self.depths.get_mut(*rule as usize).map_or(0, |depth| {
                *depth += 1;
                *depth
            });
            if depth > MAX_DEPTH {
                return Err(self.fatal(format!("expression recursion limit exceeded: {MAX_DEPTH}")));
            }
        }
        self.follows.push(follow);
        let parsed = parse(self);
        let part = match parsed {
            Ok(part) => part,
            Err(halt) => {
                self.recover(halt)?;
                self.unknown()
            }
        };
        self.follows.pop();
        for rule in rules {
            if let Some(depth) = self.depths.get_mut(*rule as usize) {
                *depth = depth.saturating_sub(1);
            }
        }
        Ok(part)
    }

    fn unknown(&mut self) -> Part {
        let offset = self.token(0).offset;
        self.part(offset, ast::Kind::Unspecified, 0)
    }

    fn part(&mut self, offset: u32, kind: ast::Kind, depth: u32) -> Part {
        let id = self.places.add(Some(offset));
        Part {
            expr: Expr { id, kind },
            depth,
        }
    }

    fn error(&mut self, offset: u32, message: impl Into<String>) -> Part {
        self.later.push((Some(offset), message.into()));
        self.part(offset, ast::Kind::Unspecified, 0)
    }

    /// One level around parts.
    fn deeper(&mut self, depth: u32) -> Result<u32, Fatal> {
        if depth < MAX_DEPTH {
            return Ok(depth + 1);
        }
        Err(self.fatal("max recursion depth exceeded".to_owned()))
    }

    fn expr(&mut self, follow: Set) -> Result<Part, Fatal> {
        self.rule(&[Rule::Expr], follow, |this| {
            let condition = this.or(OPTIONAL.and(END))?;
            if this.peek(0) != Kind::Question {
                return Ok(condition);
            }
            this.fits();
            let operator = this.consume();
            let id = this.places.add(Some(operator.offset));
            let truthy = this.or(COLON)?;
            this.expect(Kind::Colon, EXPR)?;
            let falsy = this.expr(END)?;
            let depth = this.deeper(condition.depth.max(truthy.depth).max(falsy.depth))?;
            let args = vec![condition.expr, truthy.expr, falsy.expr];
            Ok(this.call(id, op::CONDITIONAL.into(), None, args, depth))
        })
    }

    fn or(&mut self, follow: Set) -> Result<Part, Fatal> {
        self.rule(&[Rule::Or], follow, |this| {
            let or = Set::of(&[Kind::Or]).and(END);
            this.logic(Kind::Or, op::OR, |this| this.and(or))
        })
    }

    fn and(&mut self, follow: Set) -> Result<Part, Fatal> {
        self.rule(&[Rule::And], follow, |this| {
            let and = Set::of(&[Kind::And]).and(END);
            this.logic(Kind::And, op::AND, |this| this.relation(0, and))
        })
    }

    /// Terms of `||` or `&&`, as a balanced tree.
    fn logic(
        &mut self,
        operator: Kind,
        function: &'static str,
        mut term: impl FnMut(&mut Self) -> Result<Part, Fatal>,
    ) -> Result<Part, Halt> {
        let first = term(self)?;
        if self.peek(0) != operator {
            return Ok(first);
        }
        let mut depth = first.depth;
        let (mut terms, mut operators) = (vec![first.expr], Vec::new());
        while self.peek(0) == operator {
            self.fits();
            let at = self.consume();
            let next = term(self)?;
            depth = depth.max(next.depth);
            terms.push(next.expr);
            operators.push(self.places.add(Some(at.offset)));
        }
        let mut terms: Vec<Option<Expr>> = terms.into_iter().map(Some).collect();
        let expr = balanced(&function.into(), &mut terms, &operators, 0);
        Ok(Part { expr, depth })
    }

    fn relation(&mut self, precedence: u8, follow: Set) -> Result<Part, Fatal> {
        self.rule(&[Rule::Relation], follow, |this| {
            let mut left = this.calc(0, RELATIONS)?;
            loop {
                let function = match this.peek(0) {
                    Kind::Equals => op::EQUALS,
                    Kind::NotEquals => op::NOT_EQUALS,
                    Kind::In => op::IN,
                    Kind::Less => "_<_",
                    Kind::LessEquals => "_<=_",
                    Kind::GreaterEquals => "_>=_",
                    Kind::Greater => "_>_",
                    _ => return Ok(left),
                };
                if precedence > 1 {
                    return Ok(left);
                }
                left = this.binary(left, function, |this| this.relation(2, RELATIONS))?;
            }
        })
    }

    fn calc(&mut self, precedence: u8, follow: Set) -> Result<Part, Fatal> {
        self.rule(&[Rule::Calc], follow, |this| {
            let mut left = this.unary(OPERATORS)?;
            loop {
                let (function, binds) = match this.peek(0) {
                    Kind::Star => ("_*_", 2),
                    Kind::Slash => ("_/_", 2),
                    Kind::Percent => ("_%_", 2),
                    Kind::Plus => (op::ADD, 1),
                    Kind::Minus => ("_-_", 1),
                    _ => return Ok(left),
                };
                if binds < precedence {
                    return Ok(left);
                }
                left = this.binary(left, function, |this| this.calc(binds + 1, OPERATORS))?;
            }
        })
    }

    fn binary(
        &mut self,
        left: Part,
        function: &'static str,
        right: impl FnOnce(&mut Self) -> Result<Part, Fatal>,
    ) -> Result<Part, Fatal> {
        self.fits();
        let at = self.consume();
        let id = self.places.add(Some(at.offset));
        let right = right(self)?;
        let depth = self.deeper(left.depth.max(right.depth))?;
        Ok(self.call(id, function.into(), None, vec![left.expr, right.expr], depth))
    }

    fn unary(&mut self, follow: Set) -> Result<Part, Fatal> {
        self.rule(&[Rule::Unary], follow, |this| {
            this.sync(EXPR)?;
            match this.peek(0) {
                Kind::Exclamation => this.signs(Kind::Exclamation, op::NOT),
                Kind::Minus if !matches!(this.peek(1), Kind::Int | Kind::Float) => {
                    if this.peek(1) != Kind::Minus && !PRIMARY.has(this.peek(1)) {
                        return Err(Halt::NoViableAlternative(this.token(0), this.token(1)));
                    }
                    this.signs(Kind::Minus, op::NEGATE)
                }
                kind if PRIMARY.has(kind) => Ok(this.member(END)?),
                _ => Err(Halt::NoViableAlternative(this.token(0), this.token(0))),
            }
        })
    }

    /// `!!x` and `--x`: an even number of signs is none.
    fn signs(&mut self, sign: Kind, function: &'static str) -> Result<Part, Halt> {
        let first = self.token(0);
        let mut count = 0;
        while self.peek(0) == sign {
            let next = self.peek(1);
            if sign == Kind::Minus && count > 0 && next != Kind::Minus && !PRIMARY.has(next) {
                return Err(Halt::NoViableAlternative(self.token(0), self.token(1)));
            }
            self.fits();
            self.consume();
            count += 1;
            self.sync_repeated(PRIMARY.and(Set::of(&[sign])))?;
        }
        if count % 2 == 0 {
            return Ok(self.member(END)?);
        }
        let id = self.places.add(Some(first.offset));
        let target = self.member(END)?;
        let depth = target.depth;
        Ok(self.call(id, function.into(), None, vec![target.expr], depth))
    }

    fn member(&mut self, follow: Set) -> Result<Part, Fatal> {
        self.rule(&[Rule::Member], follow, |this| {
            let mut operand = this.primary(MEMBERS)?;
            let mut ended = false;
            while !ended {
                (operand, ended) = match this.peek(0) {
                    Kind::Dot => this.selection(operand)?,
                    Kind::LeftBracket => this.index(operand)?,
                    _ => return Ok(operand),
                };
            }
            Ok(operand)
        })
    }

    /// `.field`, `.?field` or `.function(args)`; and whether an error ends what is read of members.
    fn selection(&mut self, operand: Part) -> Result<(Part, bool), Halt> {
        let name = self.peek(1);
        if !(NAME.has(name) || name == Kind::Question) {
            return Err(Halt::NoViableAlternative(self.token(0), self.token(1)));
        }
        self.fits();
        let dot = self.consume();
        if name == Kind::Identifier && self.peek(1) == Kind::LeftParen {
            let function = self.consume();
            let function: Arc<str> = self.text_of(function).into();
            let open = self.consume();
            let id = self.places.add(Some(open.offset));
            let (args, depth) = self.arguments()?;
            let ended = self.closed(Kind::RightParen, MEMBERS)?;
            let depth = self.deeper(operand.depth.max(depth))?;
            return Ok((self.call(id, function, Some(operand.expr), args, depth), ended));
        }
        let optional = name == Kind::Question;
        if optional {
            self.consume();
        }
        let mut field = None;
        let at = self.token(0).offset;
        self.rule(&[], MEMBERS, |this| {
            this.sync(NAME)?;
            if NAME.has(this.peek(0)) {
                this.fits();
                field = Some(this.consume());
                return Ok(this.unknown());
            }
            Err(Halt::NoViableAlternative(this.token(0), this.token(0)))
        })?;
        let depth = self.deeper(operand.depth)?;
        let name: Arc<str> = match field {
            Some(field) if field.kind == Kind::Identifier => self.text_of(field).into(),
            Some(_) => {
                self.later.push((Some(at), "unsupported syntax: '`'".to_owned()));
                "".into()
            }
            None => {
                self.later.push((Some(at), "unsupported ident kind".to_owned()));
                "".into()
            }
        };
        if optional {
            let name = self.part(at, ast::Kind::Literal(Literal::String(name)), 0).expr;
            let id = self.places.add(Some(dot.offset));
            let call = ast::Call {
                function: op::OPT_SELECT.into(),
                target: None,
                args: vec![operand.expr, name],
            };
            return Ok((
                Part {
                    expr: Expr {
                        id,
                        kind: ast::Kind::Call(Box::new(call)),
                    },
                    depth,
                },
                false,
            ));
        }
        let select = ast::Select {
            operand: operand.expr,
            field: name,
            test_only: false,
        };
        Ok((
            self.part(dot.offset, ast::Kind::Select(Box::new(select)), depth),
            false,
        ))
    }

    /// The closing token; where it is missing, what stands before it counts none the less. Whether that ended the rule.
    fn closed(&mut self, close: Kind, after: Set) -> Result<bool, Fatal> {
        match self.expect(close, after) {
            Ok(_) => Ok(false),
            Err(halt) => self.recover(halt).map(|()| true),
        }
    }

    /// `[index]` or `[?index]`.
    fn index(&mut self, operand: Part) -> Result<(Part, bool), Halt> {
        self.fits();
        let open = self.consume();
        let id = self.places.add(Some(open.offset));
        self.sync(OPTIONAL.and(EXPR))?;
        let optional = self.peek(0) == Kind::Question;
        if optional {
            self.fits();
            self.consume();
        }
        let index = self.expr(Set::of(&[Kind::RightBracket]))?;
        let ended = self.closed(Kind::RightBracket, MEMBERS)?;
        let function = if optional { op::OPT_INDEX } else { op::INDEX };
        let depth = self.deeper(operand.depth.max(index.depth))?;
        Ok((
            self.call(id, function.into(), None, vec![operand.expr, index.expr], depth),
            ended,
        ))
    }

    /// What stands between the parentheses of a call.
    fn arguments(&mut self) -> Result<(Vec<Expr>, u32), Halt> {
        let close = Set::of(&[Kind::RightParen]);
        self.fits();
        self.sync(EXPR.and(close))?;
        let (mut args, mut deepest) = (Vec::new(), 0);
        if EXPR.has(self.peek(0)) {
            self.rule(&[Rule::List], close, |this| {
                loop {
                    let arg = this.expr(COMMA)?;
                    deepest = deepest.max(arg.depth);
                    args.push(arg.expr);
                    if this.peek(0) != Kind::Comma {
                        return Ok(Part {
                            expr: Expr {
                                id: 0,
                                kind: ast::Kind::Unspecified,
                            },
                            depth: 0,
                        });
                    }
                    this.fits();
                    this.consume();
                }
            })?;
        }
        Ok((args, deepest))
    }

    fn primary(&mut self, follow: Set) -> Result<Part, Fatal> {
        self.rule(&[Rule::Primary], follow, |this| {
            this.sync(PRIMARY)?;
            match this.peek(0) {
                Kind::Dot | Kind::Identifier => this.name(),
                Kind::LeftParen => {
                    this.fits();
                    this.consume();
                    let nested = this.expr(Set::of(&[Kind::RightParen]))?;
                    this.closed(Kind::RightParen, END)?;
                    Ok(nested)
                }
                Kind::LeftBracket => this.list(),
                Kind::LeftBrace => this.map(),
                _ => this.literal(),
            }
        })
    }

    /// A variable, a call, or the beginning of a message.
    fn name(&mut self) -> Result<Part, Halt> {
        let first = self.token(0);
        let leading = usize::from(first.kind == Kind::Dot);
        if self.peek(leading) != Kind::Identifier {
            return Err(Halt::NoViableAlternative(first, self.token(leading)));
        }
        let mut last = leading;
        while self.peek(last + 1) == Kind::Dot && self.peek(last + 2) == Kind::Identifier {
            last += 2;
        }
        self.fits();
        if self.peek(last + 1) == Kind::LeftBrace && self.peek(leading + 1) != Kind::LeftParen {
            return self.message(last);
        }
        if leading > 0 {
            self.consume();
        }
        let name = self.consume();
        let mut text = self.text_of(name).to_owned();
        let reserved = RESERVED.contains(&text.as_str());
        if leading > 0 {
            text.insert(0, '.');
        }
        if self.peek(0) != Kind::LeftParen {
            if reserved {
                return Ok(self.error(
                    first.offset,
                    format!("reserved identifier: {}", text.trim_start_matches('.')),
                ));
            }
            return Ok(self.part(name.offset, ast::Kind::Ident(text.into()), 0));
        }
        let open = self.consume();
        let id = self.places.add(Some(open.offset));
        let (args, depth) = self.arguments()?;
        self.closed(Kind::RightParen, END)?;
        if reserved {
            return Ok(self.error(
                first.offset,
                format!("reserved identifier: {}", text.trim_start_matches('.')),
            ));
        }
        Ok(self.call(id, text.into(), None, args, depth))
    }

    /// `a.b.C{field: value}`: the last part of its name is that many tokens ahead.
    fn message(&mut self, last: usize) -> Result<Part, Halt> {
        let mut name = String::new();
        for _ in 0..=last {
            let token = self.consume();
            name.push_str(self.text_of(token));
        }
        let open = self.consume();
        let id = self.places.add(Some(open.offset));
        let end = Set::of(&[Kind::Comma, Kind::RightBrace]);
        let begin = OPTIONAL.and(NAME);
        let synced = self.synced(begin.and(end))?;
        let (mut fields, mut deepest) = (Vec::new(), 0);
        if synced && begin.has(self.peek(0)) {
            self.rule(&[Rule::List], end, |this| {
                loop {
                    let mut name = None;
                    let mut optional = false;
                    this.rule(&[], COLON, |this| {
                        this.sync(begin)?;
                        optional = this.peek(0) == Kind::Question;
                        if optional {
                            this.fits();
                            this.consume();
                        }
                        this.sync(NAME)?;
                        if !NAME.has(this.peek(0)) {
                            return Err(Halt::NoViableAlternative(this.token(0), this.token(0)));
                        }
                        this.fits();
                        name = Some(this.consume());
                        Ok(Part {
                            expr: Expr {
                                id: 0,
                                kind: ast::Kind::Unspecified,
                            },
                            depth: 0,
                        })
                    })?;
                    let colon = this
                        .expect(Kind::Colon, EXPR)?
                        .map_or(open.offset, |colon| colon.offset);
                    let id = this.places.add(Some(colon));
                    let value = this.expr(COMMA)?;
                    deepest = deepest.max(value.depth);
                    if let Some(name) = name {
                        if name.kind == Kind::EscapedIdentifier {
                            this.later
                                .push((Some(name.offset), "unsupported syntax: '`'".to_owned()));
                        }
                        let name = this.text_of(name).into();
                        fields.push(Field {
                            id,
                            name,
                            value: value.expr,
                            optional,
                        });
                    }
                    if this.peek(0) != Kind::Comma || !begin.has(this.peek(1)) {
                        return Ok(value_of(value.depth));
                    }
                    this.fits();
                    this.consume();
                }
            })?;
        }
        if synced {
            self.close(Kind::RightBrace)?;
        }
        let kind = ast::Kind::Struct(Box::new(ast::Struct {
            name: name.into(),
            fields,
        }));
        Ok(Part {
            expr: Expr { id, kind },
            depth: deepest,
        })
    }

    /// As `sync`; where that ends the rule, what was read of it counts none the less.
    fn synced(&mut self, set: Set) -> Result<bool, Fatal> {
        match self.sync(set) {
            Ok(()) => Ok(true),
            Err(halt) => self.recover(halt).map(|()| false),
        }
    }

    /// A comma that may stand behind the last element, and the closing bracket or brace.
    fn close(&mut self, close: Kind) -> Result<(), Fatal> {
        if let Err(halt) = self.sync(Set::of(&[Kind::Comma, close])) {
            return self.recover(halt);
        }
        if self.peek(0) == Kind::Comma {
            self.fits();
            self.consume();
        }
        self.closed(close, END).map(|_| ())
    }

    /// A `?` that may stand before an element, and the element.
    fn optional(&mut self, follow: Set) -> Result<(Part, bool), Fatal> {
        let mut optional = false;
        let part = self.rule(&[], follow, |this| {
            this.sync(OPTIONAL.and(EXPR))?;
            optional = this.peek(0) == Kind::Question;
            if optional {
                this.fits();
                this.consume();
            }
            Ok(this.expr(END)?)
        })?;
        Ok((part, optional))
    }

    fn list(&mut self) -> Result<Part, Halt> {
        self.fits();
        let open = self.consume();
        let id = self.places.add(Some(open.offset));
        let end = Set::of(&[Kind::Comma, Kind::RightBracket]);
        let begin = OPTIONAL.and(EXPR);
        let synced = self.synced(begin.and(end))?;
        let (mut elements, mut optional, mut deepest) = (Vec::new(), Vec::new(), 0);
        if synced && begin.has(self.peek(0)) {
            self.rule(&[Rule::List], end, |this| {
                loop {
                    let (element, is_optional) = this.optional(COMMA)?;
                    deepest = deepest.max(element.depth);
                    if is_optional {
                        optional.push(elements.len());
                    }
                    elements.push(element.expr);
                    if this.peek(0) != Kind::Comma || !begin.has(this.peek(1)) {
                        return Ok(value_of(deepest));
                    }
                    this.fits();
                    this.consume();
                }
            })?;
        }
        if synced {
            self.close(Kind::RightBracket)?;
        }
        let kind = ast::Kind::List(Box::new(ast::List { elements, optional }));
        Ok(Part {
            expr: Expr { id, kind },
            depth: deepest,
        })
    }

    fn map(&mut self) -> Result<Part, Halt> {
        self.fits();
        let open = self.consume();
        let id = self.places.add(Some(open.offset));
        let end = Set::of(&[Kind::Comma, Kind::RightBrace]);
        let begin = OPTIONAL.and(EXPR);
        let synced = self.synced(begin.and(end))?;
        let (mut entries, mut deepest) = (Vec::new(), 0);
        if synced && begin.has(self.peek(0)) {
            self.rule(&[Rule::List], end, |this| {
                loop {
                    let (key, optional) = this.optional(COLON)?;
                    let colon = this
                        .expect(Kind::Colon, EXPR)?
                        .map_or(open.offset, |colon| colon.offset);
                    this.places.add(Some(colon));
                    let value = this.expr(COMMA)?;
                    deepest = deepest.max(key.depth).max(value.depth);
                    entries.push(Entry {
                        key: key.expr,
                        value: value.expr,
                        optional,
                    });
                    if this.peek(0) != Kind::Comma || !begin.has(this.peek(1)) {
                        return Ok(value_of(deepest));
                    }
                    this.fits();
                    this.consume();
                }
            })?;
        }
        if synced {
            self.close(Kind::RightBrace)?;
        }
        Ok(Part {
            expr: Expr {
                id,
                kind: ast::Kind::Map(entries),
            },
            depth: deepest,
        })
    }

    fn literal(&mut self) -> Result<Part, Halt> {
        let first = self.token(0);
        let negative = first.kind == Kind::Minus;
        let kind = self.peek(usize::from(negative));
        let fits = match kind {
            Kind::Int | Kind::Float => true,
            Kind::Uint | Kind::String | Kind::Bytes | Kind::True | Kind::False | Kind::Null => !negative,
            _ => false,
        };
        if !fits {
            return Err(Halt::NoViableAlternative(
                first,
                self.token(usize::from(negative)),
            ));
        }
        self.fits();
        if negative {
            self.consume();
        }
        let token = self.consume();
        let text = self.text_of(token).to_owned();
        let literal = match kind {
            Kind::True => Ok(Literal::Bool(true)),
            Kind::False => Ok(Literal::Bool(false)),
            Kind::Null => Ok(Literal::Null),
            Kind::Int => int(&text, negative)
                .map(Literal::Int)
                .ok_or("invalid int literal"),
            Kind::Uint => uint(text.trim_end_matches(['u', 'U']))
                .map(Literal::Uint)
                .ok_or("invalid uint literal"),
            Kind::Float => double(&text, negative)
                .map(Literal::Double)
                .ok_or("invalid double literal"),
            Kind::Bytes => unescape::unescape(&text[1..], true).map(|bytes| Literal::Bytes(bytes.into())),
            _ => unescape::unescape(&text, false)
                .map(|bytes| Literal::String(String::from_utf8_lossy(&bytes).into())),
        };
        match literal {
            Ok(literal) => Ok(self.part(first.offset, ast::Kind::Literal(literal), 0)),
            Err(message) => Ok(self.error(first.offset, message)),
        }
    }

    fn text_of(&self, token: Token) -> &str {
        self.text().get(token.begin..token.end).unwrap_or_default()
    }

    /// A call, or what the macro of that name makes of it.
    fn call(
        &mut self,
        id: ast::Id,
        function: Arc<str>,
        target: Option<Expr>,
        args: Vec<Expr>,
        depth: u32,
    ) -> Part {
        let Some(expand) = macros::find(&function, args.len(), target.is_some()) else {
            let kind = ast::Kind::Call(Box::new(ast::Call {
                function,
                target,
                args,
            }));
            return Part {
                expr: Expr { id, kind },
                depth,
            };
        };
        let mut factory = macros::Factory::new(&mut self.places, id);
        let expanded = expand(&mut factory, target, args);
        self.places.forget(id);
        match expanded {
            Ok(expr) => Part { expr, depth },
            Err(macros::Error { offset, message }) => {
                self.later.push((offset, message));
                let id = self.places.add(offset);
                Part {
                    expr: Expr {
                        id,
                        kind: ast::Kind::Unspecified,
                    },
                    depth,
                }
            }
        }
    }
}

fn value_of(depth: u32) -> Part {
    Part {
        expr: Expr {
            id: 0,
            kind: ast::Kind::Unspecified,
        },
        depth,
    }
}

/// The terms of these operators, the first of which has this number, as a balanced tree.
fn balanced(function: &Arc<str>, terms: &mut [Option<Expr>], operators: &[ast::Id], from: usize) -> Expr {
    let none = Expr {
        id: 0,
        kind: ast::Kind::Unspecified,
    };
    let middle = operators.len() / 2;
    let side = |terms: &mut [Option<Expr>], begin: usize, end: usize| {
        if begin == end {
            return terms
                .get_mut(from + begin)
                .and_then(Option::take)
                .unwrap_or_else(|| none.clone());
        }
        balanced(
            function,
            terms,
            operators.get(begin..end).unwrap_or_default(),
            from + begin,
        )
    };
    let left = side(terms, 0, middle);
    let right = side(terms, middle + 1, operators.len());
    let call = ast::Call {
        function: Arc::clone(function),
        target: None,
        args: vec![left, right],
    };
    Expr {
        id: operators.get(middle).copied().unwrap_or_default(),
        kind: ast::Kind::Call(Box::new(call)),
    }
}

fn int(text: &str, negative: bool) -> Option<i64> {
    let sign = if negative { "-" } else { "" };
    match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(&format!("{sign}{digits}"), 16).ok(),
        None => format!("{sign}{text}").parse().ok(),
    }
}

fn uint(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Go refuses numbers that are too large for a double.
fn double(text: &str, negative: bool) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    value.is_finite().then_some(if negative { -value } else { value })
}
