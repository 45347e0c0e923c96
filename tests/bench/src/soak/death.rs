//! Processes that die.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Runs a process until it ends, or until it would go on for the `last` time after a wait. Its requests that are on their
/// way may still be carried out.
pub async fn unless_it_dies<T>(last: Option<u32>, process: impl Future<Output = T>) -> Option<T> {
    let mut process = pin!(process);
    let mut left = last;
    poll_fn(|context| {
        match left.as_mut() {
            Some(0) => return Poll::Ready(None),
            Some(left) => *left -= 1,
            None => {}
        }
        process.as_mut().poll(context).map(Some)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn process_dies_at_the_wait_that_was_chosen() {
        for (last, ended) in [(Some(0), None), (Some(2), None), (Some(3), Some(7)), (None, Some(7))] {
            let process = async {
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
                7
            };
            assert_eq!(unless_it_dies(last, process).await, ended, "{last:?}");
        }
    }
}
