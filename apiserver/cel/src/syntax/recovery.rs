//! What ANTLR, by which cel-go is parsed, does about a token that does not fit: it leaves one out, takes one for granted, or gives the
//! rule up and goes on behind it. Its errors are told in its words.

use super::lexer::escape_spaces;
use super::parser::Parser;
use super::token::{Kind, Set, Token};

/// How often it may go on after an error.
const MAX_ATTEMPTS: u32 = 30;

/// How many tokens it may leave out at once.
const MAX_SKIPPED: u32 = 256;

/// How many syntax errors are told.
const MAX_SYNTAX_ERRORS: u32 = 100;

/// Why a rule ends before its end.
#[derive(Debug)]
pub(super) enum Halt {
    /// The token is none of these.
    Mismatch(Set),
    /// The tokens from here to there begin nothing.
    NoViableAlternative(Token, Token),
    /// Nothing more is parsed.
    Fatal(Fatal),
}

/// Why parsing ends before its end: it was reported.
#[derive(Debug)]
pub(super) struct Fatal;

impl From<Fatal> for Halt {
    fn from(fatal: Fatal) -> Self {
        Self::Fatal(fatal)
    }
}

/// What parsing remembers of errors.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// Whether errors are kept for oneself until a token fits again.
    pub(super) silent: bool,
    attempts: u32,
    pub(super) reported: u32,
    last: Option<usize>,
    states: Vec<Set>,
}

impl Parser {
    /// The kind of the next token but `ahead`.
    pub(super) fn peek(&self, ahead: usize) -> Kind {
        self.token(ahead).kind
    }

    pub(super) fn token(&self, ahead: usize) -> Token {
        let at = (self.at + ahead).min(self.tokens.len().saturating_sub(1));
        self.tokens.get(at).copied().unwrap_or(Token {
            kind: Kind::Eof,
            begin: 0,
            end: 0,
            offset: 0,
        })
    }

    pub(super) fn consume(&mut self) -> Token {
        let token = self.token(0);
        if token.kind != Kind::Eof {
            self.at += 1;
        }
        token
    }

    /// A token fits: errors are told again.
    pub(super) fn fits(&mut self) {
        self.recovery.silent = false;
        self.recovery.last = None;
        self.recovery.states.clear();
    }

    /// Takes a token of this kind. `after` may follow it in the rule.
    pub(super) fn expect(&mut self, kind: Kind, after: Set) -> Result<Option<Token>, Halt> {
        if self.peek(0) == kind {
            self.fits();
            return Ok(Some(self.consume()));
        }
        self.attempt()?;
        let wanted = Set::of(&[kind]);
        if self.leave_one_out(wanted)? {
            return Ok(Some(self.consume()));
        }
        if self.within_context(after).has(self.peek(0)) {
            if !self.recovery.silent {
                self.recovery.silent = true;
                let message = format!("missing {wanted} at {}", self.shown(self.token(0)));
                self.syntax_error(self.token(0), &message)?;
            }
            return Ok(None);
        }
        Err(Halt::Mismatch(wanted))
    }

    /// Before a choice or an optional part: these may come.
    pub(super) fn sync(&mut self, set: Set) -> Result<(), Halt> {
        if self.recovery.silent || set.may_end() || set.has(self.peek(0)) || self.leave_one_out(set)? {
            return Ok(());
        }
        Err(Halt::Mismatch(set))
    }

    /// Before the next of something repeated: these may come.
    pub(super) fn sync_repeated(&mut self, set: Set) -> Result<(), Halt> {
        if self.recovery.silent || set.may_end() || set.has(self.peek(0)) {
            return Ok(());
        }
        self.unwanted(set)?;
        let until = self.behind().and(self.expected(set));
        self.skip_until(until, None)?;
        Ok(())
    }

    /// Where the token after the next fits, the next is left out.
    fn leave_one_out(&mut self, set: Set) -> Result<bool, Fatal> {
        if !self.expected(set).has(self.peek(1)) || self.peek(0) == Kind::Eof {
            return Ok(false);
        }
        self.unwanted(set)?;
        self.consume();
        self.fits();
        Ok(true)
    }

    fn unwanted(&mut self, set: Set) -> Result<(), Fatal> {
        if self.recovery.silent {
            return Ok(());
        }
        self.recovery.silent = true;
        let token = self.token(0);
        let message = format!(
            "extraneous input {} expecting {}",
            self.shown(token),
            self.expected(set)
        );
        self.syntax_error(token, &message)
    }

    /// Tells why a rule ended, and goes on behind it.
    pub(super) fn recover(&mut self, halt: Halt) -> Result<(), Fatal> {
        let state = match halt {
            Halt::Fatal(fatal) => return Err(fatal),
            Halt::Mismatch(set) => set,
            Halt::NoViableAlternative(..) => Set::default(),
        };
        if !self.recovery.silent {
            self.recovery.silent = true;
            match halt {
                Halt::NoViableAlternative(from, to) => {
                    let input = if from.kind == Kind::Eof {
                        "<EOF>".to_owned()
                    } else {
                        self.between(from, to)
                    };
                    let message = match &*input {
                        ".true" | ".false" | ".null" => {
                            format!("mismatched input '{}' expecting IDENTIFIER", &input[1..])
                        }
                        _ => format!("no viable alternative at input '{}'", escape_spaces(&input)),
                    };
                    self.syntax_error(to, &message)?;
                }
                _ => {
                    let token = self.token(0);
                    let message = format!(
                        "mismatched input {} expecting {}",
                        self.shown(token),
                        self.expected(state)
                    );
                    self.syntax_error(token, &message)?;
                }
            }
        }
        self.attempt()?;
        let mut skipped = 0;
        if self.recovery.last == Some(self.at) && self.recovery.states.contains(&state) {
            self.consume();
            skipped = 1;
        }
        self.recovery.last = Some(self.at);
        self.recovery.states.push(state);
        self.skip_until(self.behind(), Some(skipped))
    }

    /// The text of tokens and of what is between them, but for what is no token.
    fn between(&self, from: Token, to: Token) -> String {
        let end = to.end;
        let (mut out, mut at) = (String::new(), from.begin);
        for (begin, after) in self
            .no_tokens
            .iter()
            .filter(|(begin, _)| (from.begin..end).contains(begin))
        {
            out.push_str(self.text().get(at..*begin).unwrap_or_default());
            at = *after;
        }
        out.push_str(self.text().get(at..end).unwrap_or_default());
        out
    }

    fn attempt(&mut self) -> Result<(), Fatal> {
        let reached = self.recovery.attempts == MAX_ATTEMPTS;
        self.recovery.attempts += 1;
        if reached {
            let message = format!("error recovery attempt limit exceeded: {MAX_ATTEMPTS}");
            self.syntax_error(self.token(0), &message)?;
            return Err(Fatal);
        }
        Ok(())
    }

    fn skip_until(&mut self, set: Set, limited: Option<u32>) -> Result<(), Fatal> {
        let mut skipped = limited.unwrap_or_default();
        while self.peek(0) != Kind::Eof && !set.has(self.peek(0)) {
            if limited.is_some() && skipped >= MAX_SKIPPED {
                return Err(self.fatal(format!(
                    "error recovery token lookahead limit exceeded: {MAX_SKIPPED}"
                )));
            }
            self.consume();
            skipped += 1;
        }
        Ok(())
    }

    /// What may come in this state, the rules around it included.
    fn expected(&self, set: Set) -> Set {
        let within = self.within_context(set);
        if within.may_end() {
            within.without_epsilon().and(Set::of(&[Kind::Eof]))
        } else {
            within
        }
    }

    /// What may come: where a rule may end, what may come behind it.
    fn within_context(&self, set: Set) -> Set {
        let mut whole = set;
        let mut around = self.follows.iter().rev();
        while whole.may_end() {
            let Some(follow) = around.next() else { break };
            whole = whole.without_epsilon().and(*follow);
        }
        whole
    }

    /// What may come behind any of the rules that are begun.
    fn behind(&self) -> Set {
        self.follows
            .iter()
            .fold(Set::default(), |all, follow| all.and(*follow))
            .without_epsilon()
    }

    fn shown(&self, token: Token) -> String {
        let text = match token.kind {
            Kind::Eof => "<EOF>",
            _ => self.text().get(token.begin..token.end).unwrap_or_default(),
        };
        format!("'{}'", escape_spaces(text))
    }

    pub(super) fn syntax_error(&mut self, at: Token, message: &str) -> Result<(), Fatal> {
        let place = self.issues.source().place(at.offset);
        if self.recovery.reported < MAX_SYNTAX_ERRORS {
            self.recovery.reported += 1;
            super::lexer::syntax_error(&mut self.issues, place, message);
            return Ok(());
        }
        let message = format!("More than {MAX_SYNTAX_ERRORS} syntax errors");
        super::lexer::syntax_error(&mut self.issues, place, &message);
        Err(Fatal)
    }

    /// Reports what ends parsing, of the whole expression.
    pub(super) fn fatal(&mut self, message: String) -> Fatal {
        self.issues.report_at(None, message);
        Fatal
    }
}
