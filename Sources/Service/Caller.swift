/// Who calls, and until when: what a call's work needs to know of it.
package struct Caller: Sendable {
  /// The name of the token or certificate.
  package var name: String
  package var deadline: ContinuousClock.Instant?
  package var isCancelled: @Sendable () -> Bool

  package init(
    name: String, deadline: ContinuousClock.Instant? = nil, isCancelled: @escaping @Sendable () -> Bool = { false }
  ) {
    self.name = name
    self.deadline = deadline
    self.isCancelled = isCancelled
  }
}
