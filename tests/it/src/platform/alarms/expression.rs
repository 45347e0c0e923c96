//! Metric math, as much of it as the template uses: arithmetic, comparisons, `AND`, `IF` and `FILL`.
//!
//! After "Using math expressions with CloudWatch metrics" in the CloudWatch user guide:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};

/// Values one period after the other, the oldest first; `None` where there is none.
pub type Series = Vec<Option<f64>>;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    Number(f64),
    /// Another metric or expression, by its id.
    Id(String),
    Binary(Operator, Box<[Self; 2]>),
    /// Condition, value where it holds, and value where it does not.
    If(Box<[Self; 3]>),
    /// A series, and what stands where it has no value.
    Fill(Box<[Self; 2]>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Equal,
    And,
}

impl Operator {
    /// "If the value of a data point causes a function to attempt to divide by zero, the data point is dropped."
    fn apply(self, left: f64, right: f64) -> Option<f64> {
        let said = |is: bool| Some(f64::from(u8::from(is)));
        match self {
            Self::Add => Some(left + right),
            Self::Subtract => Some(left - right),
            Self::Multiply => Some(left * right),
            Self::Divide => (right != 0.0).then(|| left / right),
            Self::Greater => said(left > right),
            Self::GreaterOrEqual => said(left >= right),
            Self::Less => said(left < right),
            Self::LessOrEqual => said(left <= right),
            Self::Equal => said(left == right),
            Self::And => said(left != 0.0 && right != 0.0),
        }
    }
}

/// From the loosest to the closest.
const OPERATORS: [&[(&str, Operator)]; 4] = [
    &[("AND", Operator::And), ("&&", Operator::And)],
    &[
        (">=", Operator::GreaterOrEqual),
        ("<=", Operator::LessOrEqual),
        ("==", Operator::Equal),
        (">", Operator::Greater),
        ("<", Operator::Less),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide)],
];

enum Value {
    Scalar(f64),
    Series(Series),
}

impl Value {
    fn at(&self, place: usize) -> Option<f64> {
        match self {
            Self::Scalar(value) => Some(*value),
            Self::Series(series) => series[place],
        }
    }

    const fn is_series(&self) -> bool {
        matches!(self, Self::Series(_))
    }
}

impl Expression {
    pub fn parse(text: &str) -> Result<Self> {
        let mut parser = Parser { rest: text.trim() };
        let expression = parser.binary(0)?;
        ensure!(parser.rest.is_empty(), "{} is left of {text}", parser.rest);
        Ok(expression)
    }

    /// The ids that it names.
    pub fn ids(&self) -> BTreeSet<&str> {
        match self {
            Self::Number(_) => BTreeSet::new(),
            Self::Id(id) => BTreeSet::from([id.as_str()]),
            Self::Binary(_, parts) | Self::Fill(parts) => parts.iter().flat_map(Self::ids).collect(),
            Self::If(parts) => parts.iter().flat_map(Self::ids).collect(),
        }
    }

    /// Its series over the same periods as those of `series`.
    pub fn evaluate(&self, series: &BTreeMap<&str, Series>) -> Result<Series> {
        match self.value(series)? {
            Value::Series(series) => Ok(series),
            Value::Scalar(_) => bail!("an expression comes to a number and not to a series"),
        }
    }

    fn value(&self, series: &BTreeMap<&str, Series>) -> Result<Value> {
        let length = series.values().next().map_or(0, Vec::len);
        let places = 0..length;
        Ok(match self {
            Self::Number(number) => Value::Scalar(*number),
            Self::Id(id) => {
                Value::Series(series.get(id.as_str()).with_context(|| format!("{id} is not known"))?.clone())
            }
            Self::Binary(operator, parts) => {
                let (left, right) = (parts[0].value(series)?, parts[1].value(series)?);
                if let (Value::Scalar(left), Value::Scalar(right)) = (&left, &right) {
                    return Ok(Value::Scalar(operator.apply(*left, *right).context("divided by zero")?));
                }
                // "Missing values in a time series are treated as 0", where another one has a value.
                let both = left.is_series() && right.is_series();
                let at = |place| match (left.at(place), right.at(place)) {
                    (Some(left), Some(right)) => operator.apply(left, right),
                    (Some(left), None) if both => operator.apply(left, 0.0),
                    (None, Some(right)) if both => operator.apply(0.0, right),
                    _ => None,
                };
                Value::Series(places.map(at).collect())
            }
            Self::If(parts) => {
                let (condition, holds, otherwise) =
                    (parts[0].value(series)?, parts[1].value(series)?, parts[2].value(series)?);
                let at = |place| match condition.at(place) {
                    // "has the value of 0, if the data point of metric1 is TRUE and […] does not exist in metric2"
                    Some(said) if said != 0.0 => Some(holds.at(place).unwrap_or_default()),
                    Some(_) => otherwise.at(place),
                    None => None,
                };
                Value::Series(places.map(at).collect())
            }
            Self::Fill(parts) => {
                let (Value::Series(filled), Value::Scalar(filler)) = (parts[0].value(series)?, parts[1].value(series)?)
                else {
                    bail!("FILL takes a series and a number")
                };
                // The guide does not say what becomes of a series without any point. It is left empty here, and
                // `alarm_that_fills_says_of_no_data_what_it_says_of_the_filler` holds that this makes no difference.
                let has_any = filled.iter().any(Option::is_some);
                let at = |point: Option<f64>| point.or_else(|| has_any.then_some(filler));
                Value::Series(filled.into_iter().map(at).collect())
            }
        })
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn takes(&mut self, token: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(token) else { return false };
        self.rest = rest.trim_start();
        true
    }

    fn expect(&mut self, token: &str) -> Result<()> {
        ensure!(self.takes(token), "{token} is missing before {}", self.rest);
        Ok(())
    }

    fn binary(&mut self, level: usize) -> Result<Expression> {
        let Some(operators) = OPERATORS.get(level) else { return self.atom() };
        let mut left = self.binary(level + 1)?;
        while let Some((_, operator)) = operators.iter().find(|(token, _)| self.takes(token)) {
            left = Expression::Binary(*operator, Box::new([left, self.binary(level + 1)?]));
        }
        Ok(left)
    }

    fn arguments<const N: usize>(&mut self) -> Result<Box<[Expression; N]>> {
        let mut arguments = Vec::new();
        while arguments.len() < N {
            arguments.push(self.binary(0)?);
            self.expect(if arguments.len() < N { "," } else { ")" })?;
        }
        let arguments: [Expression; N] = arguments.try_into().ok().context("arguments")?;
        Ok(Box::new(arguments))
    }

    fn atom(&mut self) -> Result<Expression> {
        if self.takes("(") {
            let inner = self.binary(0)?;
            self.expect(")")?;
            return Ok(inner);
        }
        let length = self.rest.find(|it: char| !it.is_ascii_alphanumeric() && !"._".contains(it));
        let (word, rest) = self.rest.split_at(length.unwrap_or(self.rest.len()));
        self.rest = rest.trim_start();
        match word {
            "IF" | "FILL" => {
                self.expect("(")?;
                Ok(if word == "IF" { Expression::If(self.arguments()?) } else { Expression::Fill(self.arguments()?) })
            }
            _ if word.starts_with(|it: char| it.is_ascii_lowercase()) => Ok(Expression::Id(word.to_owned())),
            _ => Ok(Expression::Number(word.parse().with_context(|| format!("{word:?} is not understood"))?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(row: &str) -> Series {
        row.split(' ').map(|point| point.parse().ok()).collect()
    }

    fn evaluated(expression: &str, metrics: &[(&'static str, &str)]) -> Series {
        let metrics = metrics.iter().map(|(id, row)| (*id, series(row))).collect();
        Expression::parse(expression).unwrap().evaluate(&metrics).unwrap()
    }

    /// "[30, 20, 0, 0] and [20, -, 20, -]", the guide's example of comparisons.
    #[test]
    fn comparison_takes_what_one_of_two_series_lacks_for_zero() {
        let metrics = [("m1", "30 20 0 0"), ("m2", "20 - 20 -")];
        assert_eq!(evaluated("m1 < m2", &metrics), series("0 0 1 0"));
        assert_eq!(evaluated("m1 >= 30", &metrics), series("1 0 0 0"));
        assert_eq!(evaluated("m1 > 15 AND m2 > 15", &metrics), series("1 0 0 0"));
    }

    /// The guide's three examples of IF.
    #[test]
    fn if_without_a_condition_or_a_value_is_zero_or_dropped() {
        let metrics = [("m1", "1 1 0 0 -"), ("m2", "30 - 0 0 30"), ("m3", "0 0 20 - 20")];
        assert_eq!(evaluated("IF(m1, m2, m3)", &metrics), series("30 0 20 - -"));
        assert_eq!(evaluated("IF(m1, 5, m3)", &metrics), series("5 5 20 - -"));
        assert_eq!(evaluated("IF(m1, m2, 5)", &metrics), series("30 0 5 5 -"));
    }

    #[test]
    fn arithmetic_binds_as_usual_and_drops_what_is_divided_by_zero() {
        let metrics = [("a", "6 6 - -"), ("b", "2 0 4 -")];
        assert_eq!(evaluated("100 * a / (a + b)", &metrics), series("75 100 0 -"));
        assert_eq!(evaluated("a / b", &metrics), series("3 - 0 -"));
        assert_eq!(evaluated("a - b - 1", &metrics), series("3 5 -5 -"));
    }

    #[test]
    fn fill_stands_where_a_series_has_no_point_but_not_for_a_series_without_any() {
        let metrics = [("a", "1 - -"), ("b", "- - -")];
        assert_eq!(evaluated("FILL(a, 0)", &metrics), series("1 0 0"));
        assert_eq!(evaluated("FILL(b, 0)", &metrics), series("- - -"));
        assert_eq!(evaluated("IF(FILL(a, 0) + FILL(b, 0) >= 1, 7, 0)", &metrics), series("7 0 0"));
    }

    #[test]
    fn expression_that_is_not_understood_is_refused() {
        for text in ["RATE(m1)", "m1 +", "IF(m1, 1)", "m1 m2", "FILL(m1)"] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
    }
}
