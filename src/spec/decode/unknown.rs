//! What may have been meant by a field that there is not.

/// `Unknown field: did you mean "image"?`
pub fn unknown(field: &str, known: &[&str]) -> String {
    match nearest(field, known) {
        Some(known) => format!("Unknown field: did you mean {known:?}?"),
        None => format!("Unknown field: known here are {}", known.join(", ")),
    }
}

/// The known word that was most likely meant, if any is near.
fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    const NEAR: f64 = 0.6;
    // Distances are quadratic; no field of Kubernetes is that long.
    if word.len() > 100 {
        return None;
    }
    let lower = word.to_lowercase();
    known
        .iter()
        .map(|&candidate| {
            (
                strsim::normalized_damerau_levenshtein(&lower, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|&(likeness, _)| likeness >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
