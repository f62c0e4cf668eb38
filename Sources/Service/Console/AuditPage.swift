import DitherReports
import DitherStore

/// An audit that has no report yet, or will have none.
struct AuditPage {
  var job: Job

  var html: Html {
    let progress: Html? =
      job.state.isFinal
      ? nil
      : """
      <section class="watch" data-audit="\(job.id)"><p><progress aria-label="Progress of the audit"></progress></p>
      <p role="status" aria-live="polite">waiting</p>
      <p><button type="button" class="cancel">Cancel</button></p>
      <noscript><p>Without a script this page does not move: load it again.</p></noscript></section>
      """
    return ConsolePage.html(
      "Dither: audit \(job.id)", isScripted: !job.state.isFinal,
      """
      <h1>Audit \(job.id)</h1>
      <p>of \(job.subject): <span class="\(job.state.rawValue)">\(job.state.rawValue)</span> \(job.reason)</p>
      \(progress)
      """)
  }
}
