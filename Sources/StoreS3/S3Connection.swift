import CCurl
import DitherBasics
import DitherStore
import Foundation

/// A connection, kept alive between requests: for one thread at a time, which waits.
/// Unchecked: whoever has it from ``S3Connections`` has it alone.
final class S3Connection: @unchecked Sendable {
  private let curl: UnsafeMutableRawPointer
  private let place: S3Place

  /// - Throws: where there is no libcurl that signs.
  static func check() throws(StoreError) {
    let state = cc_begin()
    guard state == 0 else {
      throw StoreError(
        .badPlace, at: "blobs", expected: "libcurl 7.85 or later, for a bucket",
        got: state == 1 ? "none" : "an older one",
        advice: "apt-get install libcurl4")
    }
  }

  /// Only after `check`.
  init(_ place: S3Place) {
    guard let curl = cc_open() else { preconditionFailure("libcurl has no memory to begin with") }
    self.curl = curl
    self.place = place
  }

  deinit { cc_close(curl) }

  /// Sends a request and waits for its answer.
  func perform(_ request: S3Request) throws(S3Silence) -> S3Answer {
    guard let exchange = Exchange(request) else {
      throw S3Silence(reason: "the file to be sent cannot be read", mayPass: false)
    }
    cc_reset(curl)
    setUp(request)
    let headers = headerList(request)
    defer { cc_free_list(headers) }
    cc_set_pointer(curl, CC_HEADERS, headers)
    let code = withExtendedLifetime(exchange) {
      let context = Unmanaged.passUnretained(exchange).toOpaque()
      for option in [CC_WRITE_DATA, CC_HEADER_DATA, CC_READ_DATA, CC_SEEK_DATA] {
        cc_set_pointer(curl, option, context)
      }
      return cc_perform(curl)
    }
    if exchange.isTooLarge {
      throw S3Silence(reason: "an answer of more than \(request.mostBytes) bytes", mayPass: false)
    }
    guard code == 0 else {
      throw S3Silence(reason: String(cString: cc_error(code)), mayPass: !Self.isForGood.contains(code))
    }
    return S3Answer(status: cc_status(curl), headers: exchange.headers, body: exchange.body)
  }

  /// libcurl's errors that will be the same again: the other side is not who it should be, or this one cannot.
  private static let isForGood: Set<Int32> = [
    1 /* UNSUPPORTED_PROTOCOL */, 3 /* URL_MALFORMAT */, 4 /* NOT_BUILT_IN */, 48 /* UNKNOWN_OPTION */,
    58 /* SSL_CERTPROBLEM */, 59 /* SSL_CIPHER */, 60 /* PEER_FAILED_VERIFICATION */, 77 /* SSL_CACERT_BADFILE */,
  ]

  private func setUp(_ request: S3Request) {
    let query = request.queryText
    cc_set_text(curl, CC_URL, place.endpoint + place.path(request.key) + (query.isEmpty ? "" : "?\(query)"))
    // "." and ".." and the query stay as they are signed.
    cc_set_number(curl, CC_PATH_AS_IS, 1)
    cc_set_text(curl, CC_PROTOCOLS, "http,https")
    cc_set_number(curl, CC_HTTP_VERSION, Int(CC_HTTP_1_1))
    cc_set_number(curl, CC_NO_SIGNAL, 1)
    cc_set_number(curl, CC_CONNECT_TIMEOUT, min(place.patience, 10))
    // A server that is silent, not one that is slow: bytes a second, and for how many seconds.
    cc_set_number(curl, CC_LOW_SPEED_LIMIT, 64)
    cc_set_number(curl, CC_LOW_SPEED_TIME, place.patience)
    cc_set_text(curl, CC_AWS_SIGV4, "aws:amz:\(place.region):s3")
    cc_set_text(curl, CC_USER, place.accessKey)
    cc_set_text(curl, CC_PASSWORD, place.secretKey)
    if let file = place.authorities { cc_set_text(curl, CC_CA_FILE, file) }
    if place.isLoopback { cc_set_text(curl, CC_PROXY, "") }
    cc_set_transfer(curl, CC_WRITE) { bytes, size, count, context in
      Exchange.of(context)?.take(UnsafeRawBufferPointer(start: bytes, count: size * count)) ?? 0
    }
    cc_set_transfer(curl, CC_HEADER) { bytes, size, count, context in
      Exchange.of(context)?.takeHeader(UnsafeRawBufferPointer(start: bytes, count: size * count)) ?? 0
    }
    cc_set_transfer(curl, CC_READ) { bytes, size, count, context in
      Exchange.of(context)?.give(UnsafeMutableRawBufferPointer(start: bytes, count: size * count)) ?? 0
    }
    cc_set_seek(curl, CC_SEEK) { context, offset, origin in
      Exchange.of(context)?.seek(Int(offset), origin) ?? 1
    }
    switch request.method {
    case .get: cc_set_number(curl, CC_GET, 1)
    case .head: cc_set_number(curl, CC_NO_BODY, 1)
    case .put, .post:
      cc_set_number(curl, CC_UPLOAD, 1)
      cc_set_size(curl, CC_UPLOAD_SIZE, Int64(request.body.count))
      if request.method == .post { cc_set_text(curl, CC_CUSTOM_REQUEST, "POST") }
    case .delete: cc_set_text(curl, CC_CUSTOM_REQUEST, "DELETE")
    }
  }

  /// All of them are signed. The host is said, as libcurl before 8 signs it without its port, and the body's digest, as
  /// it does not send that; names are in small letters and have no blank behind them, as they are signed.
  private func headerList(_ request: S3Request) -> UnsafeMutableRawPointer? {
    var all = request.headers + [("host", place.host), ("x-amz-content-sha256", request.digest.hex)]
    if let token = place.sessionToken { all.append(("x-amz-security-token", token)) }
    var list: UnsafeMutableRawPointer?
    for header in all.sorted(by: { $0.name < $1.name }) {
      guard let longer = cc_append(list, "\(header.name):\(header.value)") else {
        preconditionFailure("libcurl has no memory for a header")
      }
      list = longer
    }
    return list
  }
}

/// The bytes of one request and its answer, as libcurl asks for them: on the thread that performs it.
private final class Exchange {
  private(set) var headers: [String: String] = [:]
  private(set) var body: [UInt8] = []
  private(set) var isTooLarge = false
  private let mostBytes: Int
  /// An answer to HEAD tells the length of what it has not.
  private let hasBody: Bool
  private let source: S3Request.Body
  private let descriptor: Int32
  private var sent = 0

  /// - Returns: nil where the file to be sent cannot be opened.
  init?(_ request: S3Request) {
    mostBytes = request.mostBytes
    hasBody = request.method != .head
    source = request.body
    if case .file(let path, _, _) = request.body {
      descriptor = open(path, O_RDONLY | O_CLOEXEC)
      if descriptor < 0 { return nil }
    } else {
      descriptor = -1
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  static func of(_ context: UnsafeMutableRawPointer?) -> Exchange? {
    context.map { Unmanaged<Exchange>.fromOpaque($0).takeUnretainedValue() }
  }

  /// - Returns: how many were taken; fewer end the exchange.
  func take(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard bytes.count <= mostBytes - body.count else {
      isTooLarge = true
      return 0
    }
    body.append(contentsOf: bytes)
    return bytes.count
  }

  func takeHeader(_ bytes: UnsafeRawBufferPointer) -> Int {
    let line = String(decoding: bytes, as: UTF8.self)
    if line.hasPrefix("HTTP/") {
      // An answer of its own comes behind "100 Continue".
      headers = [:]
      body = []
    } else if let colon = line.firstIndex(of: ":"), headers.count < 100 {
      headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(
        in: .whitespacesAndNewlines)
    }
    if line == "\r\n", hasBody, let length = headers["content-length"].flatMap({ Int($0) }), length > 0 {
      guard length <= mostBytes else {
        isTooLarge = true
        return 0
      }
      body.reserveCapacity(min(length, 256 << 20))
    }
    return bytes.count
  }

  func give(_ room: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(room.count, source.count - sent)
    guard count > 0 else { return 0 }
    switch source {
    case .none: return 0
    case .bytes(let bytes): bytes.withUnsafeBytes { room.copyMemory(from: .init(rebasing: $0[sent..<sent + count])) }
    case .file(_, let offset, _):
      let read = pread(descriptor, room.baseAddress, count, off_t(offset + sent))
      // It was cut meanwhile, or the disk fails: nothing shorter is sent for it.
      guard read > 0 else { return Int(CC_ABORT) }
      sent += read
      return read
    }
    sent += count
    return count
  }

  /// To send it again, on another connection.
  func seek(_ offset: Int, _ origin: Int32) -> Int32 {
    guard origin == SEEK_SET, (0...source.count).contains(offset) else { return 1 }
    sent = offset
    return 0
  }
}
