//! Roman numerals.

const SYMBOLS: [(u16, &str); 13] = [
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
];

/// Writes a number from 1 to 3999 as a Roman numeral; nothing for any other.
pub fn to_roman(number: u16) -> Option<String> {
    if !(1..=3999).contains(&number) {
        return None;
    }
    let mut rest = number;
    let mut text = String::new();
    for (value, symbol) in SYMBOLS {
        while rest >= value {
            text.push_str(symbol);
            rest -= value;
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes() {
        assert_eq!(to_roman(646).as_deref(), Some("DCXLVI"));
        assert_eq!(to_roman(0), None);
        assert_eq!(to_roman(4000), None);
    }
}
