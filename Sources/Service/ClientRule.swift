import DitherBasics
import DitherTransport

/// Rights of the clients whose certificate has a name.
public struct ClientRule: Sendable, Equatable {
  /// Where the name stands; in a pattern `*` stands for any letters.
  public enum Subject: Sendable, Equatable {
    /// The common name of the certificate's subject.
    case commonName(String)
    /// A URI among the subject's alternative names, as SPIFFE has it.
    case uri(String)
  }
  /// The name that a certificate must have.
  public var subject: Subject
  /// Things that they may do.
  public var roles: Set<Role>
  /// Models that they may use and see.
  public var scope: NameScope
  /// nil: as the server has it; 0: as many as come.
  public var callsPerSecond: Int?
  /// nil: as the server has it; 0: as many as come.
  public var samplesPerSecond: Int?

  public init(
    _ subject: Subject, roles: Set<Role>, scope: NameScope = .all, callsPerSecond: Int? = nil,
    samplesPerSecond: Int? = nil
  ) {
    self.subject = subject
    self.roles = roles
    self.scope = scope
    self.callsPerSecond = callsPerSecond
    self.samplesPerSecond = samplesPerSecond
  }

  /// - Returns: nil where the certificate has no such name. The caller is called by the name that was found.
  func identity(of certificate: ClientCertificate, _ standard: RateBounds) -> Identity? {
    let found: String? =
      switch subject {
      case .commonName(let pattern): certificate.commonName.flatMap { isMatch($0, pattern) ? $0 : nil }
      case .uri(let pattern): certificate.uris.first { isMatch($0, pattern) }
      }
    guard let found else { return nil }
    return Identity(
      name: found, roles: roles, scope: scope,
      rates: standard.overridden(calls: callsPerSecond, samples: samplesPerSecond))
  }
}

extension RateBounds {
  /// The server's bounds with a caller's own in their place: nil is the server's, 0 none.
  func overridden(calls: Int?, samples: Int?) -> RateBounds {
    func bound(_ own: Int?, _ standard: Int?) -> Int? { own.map { $0 > 0 ? $0 : nil } ?? standard }
    return RateBounds(calls: bound(calls, self.calls), samples: bound(samples, self.samples))
  }
}
