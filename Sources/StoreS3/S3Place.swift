import DitherBasics
import DitherStore
import Foundation

/// A bucket, or a part of one, and what it takes to be let in: `s3://bucket/prefix?endpoint=http://host:port`.
public struct S3Place: Sendable, Equatable {
  /// The bucket's name.
  public var bucket: String
  /// Before the names of all objects; empty, or ending with `/`.
  public var prefix: String
  /// Scheme, host and port of the server.
  public var endpoint: String
  /// Whether the bucket is part of the path, not of the host's name.
  public var isInPath: Bool
  /// As it is signed.
  public var region: String
  /// Bytes of files that are kept on this machine.
  public var cacheBytes: Int
  /// The name of the one who asks.
  public var accessKey: String
  /// Never shown.
  var secretKey: String
  /// For credentials that end soon.
  var sessionToken: String?
  /// A PEM file of authorities in place of the system's.
  var authorities: String?
  /// Seconds without a sign of life after which a server counts as silent.
  package var patience = 20
  /// Bytes of a file above which it goes in pieces.
  package var singleBytes = 64 << 20
  /// Bytes of a piece; Amazon takes no less than 5 MiB.
  package var pieceBytes = 16 << 20

  /// Mebibytes of the cache, where nothing is said.
  public static let usualCacheMiB = 4096

  private static let options = ["endpoint", "region", "cache-mib"]

  /// - Parameters:
  ///   - text: `s3://bucket/prefix`, and behind a `?` with `&` between them: `endpoint` (default: Amazon's), `region`,
  ///     `cache-mib`.
  ///   - environment: with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and where they are needed AWS_SESSION_TOKEN,
  ///     AWS_REGION or AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, AWS_CA_BUNDLE.
  /// - Throws: `.badPlace` with what is missing or wrong.
  public init(
    parsing text: String, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(StoreError) {
    let said = environment.filter { !$0.value.isEmpty }
    guard text.hasPrefix("s3://") else {
      throw Self.refuse("s3://bucket/prefix?endpoint=http://host:port", "'\(text.clipped())'")
    }
    let halves = text.dropFirst(5).split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let parts = halves[0].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let options = try Self.options(halves.count > 1 ? String(halves[1]) : "")
    bucket = parts[0]
    guard bucket.wholeMatch(of: /[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/) != nil else {
      throw Self.refuse(
        "a bucket's name: 3 to 63 small letters, digits, '-' and '.'", "'\(bucket.clipped())'")
    }
    let path = parts.count > 1 ? parts[1].split(separator: "/").joined(separator: "/") : ""
    // No sign that is written otherwise in a URL: there signatures go wrong.
    guard path.utf8.count <= 512, path.wholeMatch(of: /[A-Za-z0-9._\/-]*/) != nil, !path.contains("..") else {
      throw Self.refuse("a prefix of letters, digits, '.', '_', '-' and '/'", "'\(path.clipped())'")
    }
    prefix = path.isEmpty ? "" : path + "/"
    region = options["region"] ?? said["AWS_REGION"] ?? said["AWS_DEFAULT_REGION"] ?? "us-east-1"
    guard region.wholeMatch(of: /[a-z0-9-]{1,64}/) != nil else {
      throw Self.refuse("a region as us-east-1", "'\(region.clipped())'")
    }
    (endpoint, isInPath) = try Self.endpoint(
      options["endpoint"] ?? said["AWS_ENDPOINT_URL_S3"] ?? said["AWS_ENDPOINT_URL"], bucket, region)
    let cache = options["cache-mib"] ?? "\(Self.usualCacheMiB)"
    guard let mebibytes = Int(cache), (1...(1 << 30)).contains(mebibytes) else {
      throw Self.refuse("cache-mib as a whole number from 1", "'\(cache.clipped())'")
    }
    cacheBytes = mebibytes << 20
    guard let accessKey = said["AWS_ACCESS_KEY_ID"], let secretKey = said["AWS_SECRET_ACCESS_KEY"] else {
      throw StoreError(
        .badPlace, at: "blobs", expected: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment",
        got: said["AWS_ACCESS_KEY_ID"] == nil ? "no AWS_ACCESS_KEY_ID" : "no AWS_SECRET_ACCESS_KEY",
        advice: "set both; files of profiles and machines' own roles are not read")
    }
    (self.accessKey, self.secretKey, sessionToken) = (accessKey, secretKey, said["AWS_SESSION_TOKEN"])
    for (name, value) in [("AWS_ACCESS_KEY_ID", accessKey), ("AWS_SESSION_TOKEN", sessionToken ?? "")]
    where value.contains(where: { $0.isNewline || $0 == ":" && name == "AWS_ACCESS_KEY_ID" }) {
      throw Self.refuse("\(name) of one line", "another sign in it")
    }
    authorities = said["AWS_CA_BUNDLE"]
  }

  /// As people read it: without secrets.
  public var name: String { "s3://\(bucket)/\(prefix)" }

  private static func refuse(_ expected: String, _ got: String, _ advice: String? = nil) -> StoreError {
    StoreError(.badPlace, at: "blobs", expected: expected, got: got, advice: advice)
  }

  private static func options(_ text: String) throws(StoreError) -> [String: String] {
    var found: [String: String] = [:]
    for option in text.split(separator: "&") {
      let halves = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard options.contains(halves[0]) else {
        throw refuse(
          "options \(options.joined(separator: ", "))", "'\(halves[0].clipped())'",
          nearest(to: halves[0], among: options).map { "did you mean '\($0)'?" })
      }
      guard halves.count == 2, !halves[1].isEmpty, let value = halves[1].removingPercentEncoding else {
        throw refuse("a value of '\(halves[0])'", "none")
      }
      found[halves[0]] = value
    }
    return found
  }

  private static func endpoint(
    _ text: String?, _ bucket: String, _ region: String
  ) throws(StoreError) -> (String, isInPath: Bool) {
    guard let text else {
      // A name with dots is in no certificate.
      let isInPath = bucket.contains(".")
      return ("https://\(isInPath ? "" : bucket + ".")s3.\(region).amazonaws.com", isInPath)
    }
    guard
      let match = text.wholeMatch(
        of: /(https?:\/\/[A-Za-z0-9._-]+(?::\d{1,5})?|https?:\/\/\[[0-9a-fA-F:]+\](?::\d{1,5})?)\/?/)
    else { throw refuse("an endpoint as http://host:port or https://host", "'\(text.clipped())'") }
    return (String(match.1), true)
  }

  /// As it stands behind `Host:`: with the port where it is no usual one, as libcurl writes it.
  var host: String {
    let host = endpoint.replacing(/^https?:\/\//, with: "")
    let usual = endpoint.hasPrefix("https://") ? ":443" : ":80"
    return host.hasSuffix(usual) ? String(host.dropLast(usual.count)) : host
  }

  /// The path of an object or, without a key, of the bucket.
  func path(_ key: String) -> String { isInPath ? "/\(bucket)/\(key)" : "/\(key)" }

  /// Whether it is on this machine: no proxy knows it.
  var isLoopback: Bool { ["127.", "localhost", "[::1]"].contains { host.hasPrefix($0) } }
}
