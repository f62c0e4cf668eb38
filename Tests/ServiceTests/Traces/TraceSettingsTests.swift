import DitherBasics
import DitherProto
import DitherService
import Foundation
import Testing

@Suite("Settings of traces") struct TraceSettingsTests {
  private static let there = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"]

  @Test(
    "no collector, no spans",
    arguments: [
      [:], ["OTEL_EXPORTER_OTLP_ENDPOINT": ""], there.merging(["OTEL_SDK_DISABLED": "TRUE"]) { $1 },
      there.merging(["OTEL_TRACES_EXPORTER": "none"]) { $1 }, ["OTEL_SERVICE_NAME": "x"],
    ] as [[String: String]])
  func off(_ environment: [String: String]) throws {
    let found = try TraceSettings(environment: environment)
    #expect(found == nil)
  }

  @Test("what is absent is as the specification has it")
  func standard() throws {
    let settings = try #require(try TraceSettings(environment: Self.there))
    #expect(settings.endpoint.absoluteString == "http://c:4318/v1/traces" && settings.timeout == .seconds(10))
    #expect(settings.delay == .seconds(5) && settings.mostWaiting == 2048 && settings.mostSent == 512)
    #expect(settings.sampler.ratio == 1 && settings.sampler.followsParent && settings.headers.isEmpty)
    #expect(settings.resource.map { "\($0.name)=\($0.value)" } == ["service.name=dither"])
  }

  @Test("everything that can be said, and traces before all signals")
  func all() throws {
    let settings = try #require(
      try TraceSettings(environment: [
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://other:1", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c/own/path",
        "OTEL_EXPORTER_OTLP_HEADERS": "a=b", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x-key = s%20%2C , y=z=1",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "250", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json", "OTEL_SERVICE_NAME": "app",
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=no,zone=a", "OTEL_TRACES_SAMPLER": "traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.25", "OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_BSP_MAX_QUEUE_SIZE": "10",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "50",
      ]))
    #expect(settings.endpoint.absoluteString == "https://c/own/path" && settings.timeout == .milliseconds(250))
    #expect(settings.headers.map { "\($0.name):\($0.value)" } == ["x-key:s ,", "y:z=1"])
    #expect(settings.resource.map { "\($0.name)=\($0.value)" } == ["zone=a", "service.name=app"])
    #expect(settings.sampler.ratio == 0.25 && !settings.sampler.followsParent)
    // No request has more spans than may wait.
    #expect(settings.delay == .milliseconds(100) && settings.mostWaiting == 10 && settings.mostSent == 10)
  }

  @Test(
    "what is wrong names its variable",
    arguments: [
      ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4318"), ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://"),
      ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
      ("OTEL_TRACES_EXPORTER", "zipkin"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
      ("OTEL_EXPORTER_OTLP_HEADERS", "secret"), ("OTEL_EXPORTER_OTLP_HEADERS", "a=%0d%0ab: c"),
      ("OTEL_TRACES_SAMPLER", "parentbased_alwayson"), ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
    ])
  func refused(_ row: (name: String, value: String)) {
    let environment = Self.there.merging([row.name: row.value]) { $1 }
    #expect { try TraceSettings(environment: environment) } throws: { error in
      let fault = error as? ServiceError
      return fault?.code == .configuration && "\(error)".contains(row.name)
    }
  }

  @Test("what may be a secret is in no message", arguments: ["secret", "x-key=a,secret", "=secret", "a=secret%zz"])
  func secrets(_ text: String) {
    let environment = Self.there.merging(["OTEL_EXPORTER_OTLP_HEADERS": text]) { $1 }
    #expect { try TraceSettings(environment: environment) } throws: { !"\($0)".contains("secret") }
  }

  @Test("a share that is none is refused", arguments: ["2", "-0.1", "half", "nan"])
  func share(_ text: String) {
    let environment = Self.there.merging(["OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": text]) {
      $1
    }
    #expect { try TraceSettings(environment: environment) } throws: { "\($0)".contains("OTEL_TRACES_SAMPLER_ARG") }
  }
}
