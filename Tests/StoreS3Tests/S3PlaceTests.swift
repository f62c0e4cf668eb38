import DitherBasics
import DitherStore
import DitherStoreS3
import Testing

@Suite("Where a bucket is") struct S3PlaceTests {
  private static let keys = ["AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"]

  struct Row: Sendable, CustomTestStringConvertible {
    var text: String
    var environment: [String: String] = [:]
    var bucket = "models", prefix = "", endpoint: String, isInPath = true, region = "us-east-1"
    var testDescription: String { text }
  }

  @Test(
    "what is said, and the names that everybody has set",
    arguments: [
      Row(text: "s3://models?endpoint=http://127.0.0.1:8333", endpoint: "http://127.0.0.1:8333"),
      Row(
        text: "s3://models/a/b/?endpoint=https%3A%2F%2Fs3.example.org", prefix: "a/b/",
        endpoint: "https://s3.example.org"),
      Row(
        text: "s3://models", endpoint: "https://models.s3.us-east-1.amazonaws.com", isInPath: false),
      Row(
        text: "s3://models", environment: ["AWS_REGION": "eu-north-1"],
        endpoint: "https://models.s3.eu-north-1.amazonaws.com", isInPath: false, region: "eu-north-1"),
      Row(
        text: "s3://models",
        environment: ["AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL_S3": "http://minio:9000/"],
        endpoint: "http://minio:9000", region: "eu-west-1"),
      Row(
        text: "s3://my.models?region=eu-west-3", environment: ["AWS_REGION": "us-west-1"], bucket: "my.models",
        endpoint: "https://s3.eu-west-3.amazonaws.com", region: "eu-west-3"),
      Row(
        text: "s3://models?endpoint=http://[::1]:9000", environment: ["AWS_ENDPOINT_URL": "http://other"],
        endpoint: "http://[::1]:9000"),
    ])
  func parses(_ row: Row) throws {
    let place = try S3Place(parsing: row.text, environment: Self.keys.merging(row.environment) { $1 })
    #expect(place.bucket == row.bucket && place.prefix == row.prefix && place.endpoint == row.endpoint)
    #expect(place.isInPath == row.isInPath && place.region == row.region && place.accessKey == "k")
    #expect(place.cacheBytes == 4096 << 20)
  }

  @Test(
    "what cannot be meant is refused with what is expected",
    arguments: [
      ("http://models", "s3://bucket"), ("s3://", "a bucket's name"), ("s3://Models", "small letters"),
      ("s3://ab", "3 to 63"), ("s3://models/a b", "a prefix of letters"), ("s3://models/../x", "a prefix of letters"),
      ("s3://models?endpont=http://a", "did you mean 'endpoint'?"), ("s3://models?endpoint=", "a value of 'endpoint'"),
      ("s3://models?endpoint=ftp://a", "an endpoint as"), ("s3://models?endpoint=http://a/b", "an endpoint as"),
      ("s3://models?endpoint=http://k:s@host", "an endpoint as"), ("s3://models?region=EU!", "a region"),
      ("s3://models?cache-mib=0", "cache-mib"), ("s3://models?cache-mib=x", "cache-mib"),
    ])
  func refuses(_ text: String, _ words: String) {
    #expect { try S3Place(parsing: text, environment: Self.keys) } throws: {
      ($0 as? StoreError)?.code == .badPlace && "\($0)".contains(words)
    }
  }

  @Test("without credentials it says which name is missing", arguments: ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
  func credentials(_ missing: String) {
    #expect { try S3Place(parsing: "s3://models", environment: Self.keys.filter { $0.key != missing }) } throws: {
      "\($0)".contains("no \(missing)")
    }
  }

  @Test("a name for people has no secret")
  func name() throws {
    #expect(try S3Place(parsing: "s3://models/a?region=eu-west-3", environment: Self.keys).name == "s3://models/a/")
  }
}
