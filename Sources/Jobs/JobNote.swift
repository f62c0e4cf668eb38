import DitherStore

extension JobRunner {
  /// An event that its owner may want to log.
  public enum Note: Sendable {
    case goingOn(Job), done(Job)
    case failed(id: String, reason: String)
    /// A job has failed, and that could not be stored: it is tried again.
    case notStored(id: String, reason: String)
    /// The store does not answer: the job waits.
    case waiting(id: String, reason: String)
    /// Something that the job needs is not here, as a data set: those who have it do it.
    case leftToOthers(id: String, reason: String)
    /// A shard was done twice, with other results.
    case diverged(id: String, shard: Int)
  }
}
