//! The words of the tray, in the languages of the window.

/// The tray's words in one language.
#[derive(Debug)]
pub struct Words {
    pub open: &'static str,
    pub stop: &'static str,
    pub resume: &'static str,
    pub quit: &'static str,
    pub running: &'static str,
    pub stopped: &'static str,
    /// Another program trades.
    pub looks_on: &'static str,
    pub opening: &'static str,
    pub unopened: &'static str,
    /// Said after today's amount.
    pub today: &'static str,
    decimal_point: char,
}

const ENGLISH: Words = Words {
    open: "Open Wattle",
    stop: "Stop trading",
    resume: "Resume trading",
    quit: "Quit: the household stops measuring and trading",
    running: "Trading is on",
    stopped: "Trading is stopped",
    looks_on: "Another program trades for this home",
    opening: "The home is being opened",
    unopened: "The home cannot be opened",
    today: "earned and saved today",
    decimal_point: '.',
};

const GERMAN: Words = Words {
    open: "Wattle öffnen",
    stop: "Handel stoppen",
    resume: "Handel fortsetzen",
    quit: "Beenden: der Haushalt misst und handelt nicht mehr",
    running: "Der Handel läuft",
    stopped: "Der Handel ist gestoppt",
    looks_on: "Ein anderes Programm handelt für dieses Zuhause",
    opening: "Das Zuhause wird geöffnet",
    unopened: "Das Zuhause lässt sich nicht öffnen",
    today: "heute verdient und gespart",
    decimal_point: ',',
};

impl Words {
    /// Follows the environment as every desktop program does: the first variable that is set decides.
    pub fn of_the_desktop() -> &'static Self {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
        Self::of(&locale.unwrap_or_default())
    }

    fn of(locale: &str) -> &'static Self {
        if locale.starts_with("de") { &GERMAN } else { &ENGLISH }
    }

    /// Writes an amount as `1.24 EUR`.
    pub fn amount(&self, cents: i64, currency: &str) -> String {
        let sign = if cents < 0 { "-" } else { "" };
        let (whole, rest) = (cents.unsigned_abs() / 100, cents.unsigned_abs() % 100);
        format!("{sign}{whole}{}{rest:02} {currency}", self.decimal_point)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_desktops_language_decides() {
        assert_eq!(Words::of("de_AT.UTF-8").quit, GERMAN.quit);
        for other in ["", "C.UTF-8", "en_GB.UTF-8", "fr_FR"] {
            assert_eq!(Words::of(other).quit, ENGLISH.quit, "{other}");
        }
    }

    #[test]
    fn an_amount_has_two_decimals_and_no_negative_zero() {
        assert_eq!(ENGLISH.amount(124, "EUR"), "1.24 EUR");
        assert_eq!(GERMAN.amount(-5, "EUR"), "-0,05 EUR");
        assert_eq!(ENGLISH.amount(0, "EUR"), "0.00 EUR");
    }
}
