//! What holds for the whole system on AWS: template, rights, secrets, schedules, stored columns.

mod alarms;
mod audit;
mod columns;
mod dashboard;
mod gateway;
mod metrics;
mod parity;
mod poison;
mod rights;
mod rotation;
mod rounds;
mod trace;
