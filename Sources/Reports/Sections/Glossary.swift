import DitherRobustness

/// The words of the page, for who reads one for the first time; those that this report has no use for are left out.
extension Page {
  var glossary: Html {
    let hasAttacks = !attacks.isEmpty, hasMeasures = report.probes.contains { $0.summary != nil }
    let words: [(String, String, Bool)] = [
      ("95 % interval", "Where the number would lie on other examples of the same kind, in 95 of 100 cases.", true),
      ("Clean accuracy", "The share of the examples that is answered rightly as they are.", true),
      (
        "Right", "Of a regression: every value \(report.toleranceWords ?? "within its tolerance").", report.isRegression
      ),
      (
        "RMSE, MAE", "The root of the mean squared error, and the mean absolute error, in the unit of the values.",
        report.isRegression
      ),
      (
        "CRPS", "The mean distance between the answer's distribution and the value, in its unit; 0 is best.",
        report.isRegression
      ),
      (
        "Threat model", "What an attacker may do: change an input by at most epsilon, measured in a norm.", hasAttacks
      ),
      (
        "L∞, L2, L1",
        "Norms: the largest change of any input value; the root of the sum of squared changes; the sum of changes.",
        hasAttacks
      ),
      ("Epsilon, ε", "The largest change, in units of the input: 8/255 is eight levels of a byte.", hasAttacks),
      ("Union of attacks", "An example counts as right only if it withstands every attack of the ball.", hasAttacks),
      ("Queries", "Inputs that an attack had evaluated, once for each draw of the noise.", hasAttacks),
      (
        "Margin",
        report.isRegression
          ? "How far the error is past the tolerance, in tolerances: above 0 the model fails."
          : "How much the best wrong class is ahead of the true one, in logits: above 0 the model fails.",
        hasAttacks
      ),
      ("Noise alone", "Clean answers that other draws of the model's noise turn from right to wrong.", hasAttacks),
      (
        "Certified accuracy",
        "The share for which it is proved that nothing within the radius changes the right answer.",
        report.probes.contains { $0.certified != nil }
      ),
      ("Severity 1 to 5", "Strengths of a corruption, as its published protocol sets them.", report.corruptions != nil),
      ("Predictive entropy", "How spread the mean probabilities are over the classes, in nats.", hasMeasures),
      ("Mutual information", "The part of that spread on which draws of the model disagree.", hasMeasures),
      ("Variation ratio", "The share of draws that vote for another class than the commonest.", hasMeasures),
      ("MSP", "One less the largest probability, as a score of uncertainty.", hasMeasures),
      (
        "AURC, E-AURC", "The area under risk against coverage; the same above what the best order would give.",
        hasMeasures
      ),
      (
        "AUROC, AUPR, FPR95",
        "How well a score tells two kinds of inputs apart; 0.5, or the share of one kind, is chance.", hasMeasures
      ),
      ("LAC, APS", "Two ways of making prediction sets that hold the true class as often as asked.", hasMeasures),
      (
        "McNemar", "An exact test of two models on the same examples: whether one is right alone more often.",
        !comparisons.isEmpty
      ),
      ("Holm", "McNemar's probabilities, made larger by the number of comparisons.", !comparisons.isEmpty),
      (
        "ECE", "Expected calibration error: how far probabilities are from how often they are right, over 15 bins.",
        report.probes.contains { $0.calibration != nil }
      ),
      (
        "NLL, Brier score",
        "Mean −ln p of the true class, in nats; mean squared distance of the probabilities from the truth.",
        report.probes.contains { $0.calibration != nil }
      ),
    ]
    return
      "<section class=\"card\">\(Html.facts(words.filter { $0.2 }.map { (name: $0.0, value: "\($0.1)" as Html) }))</section>"
  }
}
