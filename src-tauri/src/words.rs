//! The words of the tray and of alerts, in the languages of the window.

use home::alerts::{Alert, UnusualDay};

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
    alerts: AlertWords,
}

/// What alerts say: a title and a sentence each.
#[derive(Debug)]
struct AlertWords {
    meter_silent: (&'static str, &'static str),
    exchange_lost: (&'static str, &'static str),
    log_alarm: (&'static str, &'static str),
    /// Said before the month.
    statement_ready: (&'static str, &'static str),
    more: &'static str,
    less: &'static str,
    /// Between what a day used and what is usual.
    instead_of: &'static str,
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
    alerts: AlertWords {
        meter_silent: (
            "The meter is silent",
            "Nothing new is offered until it answers. Open Wattle to see what it needs.",
        ),
        exchange_lost: (
            "The market cannot be reached",
            "What the roof makes goes to your utility meanwhile. Wattle goes on by itself when the market answers.",
        ),
        log_alarm: ("The market broke its promise", "Trading is stopped until you decide."),
        statement_ready: ("A statement can be made", "Every quarter hour is settled of"),
        more: "The house used more than usual",
        less: "The house used less than usual",
        instead_of: "instead of about",
    },
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
    alerts: AlertWords {
        meter_silent: (
            "Der Zähler schweigt",
            "Bis er antwortet, wird nichts Neues angeboten. Wattle zeigt, was ihm fehlt.",
        ),
        exchange_lost: (
            "Der Markt ist nicht erreichbar",
            "Was das Dach macht, geht solange an den Versorger. Sobald der Markt antwortet, geht es von selbst weiter.",
        ),
        log_alarm: ("Der Markt hat sein Wort gebrochen", "Der Handel ruht, bis Sie entscheiden."),
        statement_ready: ("Eine Abrechnung ist möglich", "Jede Viertelstunde ist abgerechnet:"),
        more: "Das Haus hat mehr verbraucht als sonst",
        less: "Das Haus hat weniger verbraucht als sonst",
        instead_of: "statt etwa",
    },
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

    /// Returns the title and the sentence of an alert.
    pub fn alert(&self, alert: &Alert) -> (String, String) {
        let words = &self.alerts;
        let plain = |(title, body): (&str, &str)| (title.to_owned(), body.to_owned());
        match alert {
            Alert::MeterSilent { .. } => plain(words.meter_silent),
            Alert::ExchangeLost { .. } => plain(words.exchange_lost),
            Alert::LogAlarm { message } => {
                let (title, body) = words.log_alarm;
                (title.to_owned(), format!("{message} {body}"))
            }
            Alert::StatementReady { month } => {
                let (title, body) = words.statement_ready;
                (title.to_owned(), format!("{body} {month}."))
            }
            Alert::UnusualDay(UnusualDay { day, used, usual }) => {
                let title = if used > usual { words.more } else { words.less };
                let (used, usual) = (self.energy(*used), self.energy(*usual));
                (title.to_owned(), format!("{day}: {used} {} {usual}.", words.instead_of))
            }
        }
    }

    /// Writes an energy as `17.4 kWh`.
    fn energy(&self, energy: home::Energy) -> String {
        let tenths = (energy.milliwatt_hours() + 50_000).div_euclid(100_000);
        format!("{}{}{} kWh", tenths / 10, self.decimal_point, tenths % 10)
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
    fn an_alert_says_what_happened_in_the_desktops_words() {
        let month = Alert::StatementReady { month: "2026-06".to_owned() };
        assert_eq!(ENGLISH.alert(&month).1, "Every quarter hour is settled of 2026-06.");
        let day = Alert::UnusualDay(UnusualDay {
            day: "2026-06-18".parse().unwrap(),
            used: home::Energy::from_watt_hours(17_449),
            usual: home::Energy::from_watt_hours(9_000),
        });
        let (title, body) = GERMAN.alert(&day);
        assert_eq!(title, "Das Haus hat mehr verbraucht als sonst");
        assert_eq!(body, "2026-06-18: 17,4 kWh statt etwa 9,0 kWh.");
    }

    #[test]
    fn an_amount_has_two_decimals_and_no_negative_zero() {
        assert_eq!(ENGLISH.amount(124, "EUR"), "1.24 EUR");
        assert_eq!(GERMAN.amount(-5, "EUR"), "-0,05 EUR");
        assert_eq!(ENGLISH.amount(0, "EUR"), "0.00 EUR");
    }
}
