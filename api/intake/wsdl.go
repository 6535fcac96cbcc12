package intake

import (
	"encoding/xml"
	"net/http"
	"strings"
	"text/template"
)

// wsdl describes the SOAP door. Its metadata are those of nvoNames.
var wsdl = template.Must(template.New("wsdl").Funcs(template.FuncMap{"xml": func(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a builder takes everything
	return b.String()
}}).Parse(xml.Header + `<wsdl:definitions name="Intake" targetNamespace="{{.Space}}" xmlns:tns="{{.Space}}" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"
    xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/">
  <wsdl:documentation>One event a message. It is answered when all in-sync replicas have the record; a fault names every reason and its place.</wsdl:documentation>
  <wsdl:types>
    <xs:schema targetNamespace="{{.Space}}" elementFormDefault="qualified">
      <xs:complexType name="Metadata">
        <xs:all>{{range .Texts}}
          <xs:element name="{{.}}" type="xs:string" minOccurs="0"/>{{end}}
          <xs:element name="synthetic" type="xs:boolean"/>
          <xs:element name="tags" minOccurs="0">
            <xs:complexType><xs:sequence><xs:element name="tag" type="xs:string" minOccurs="0" maxOccurs="{{.MaxTags}}"/></xs:sequence></xs:complexType>
          </xs:element>
        </xs:all>
      </xs:complexType>
      <xs:element name="PublishEvent">
        <xs:complexType><xs:all>
          <xs:element name="metadata" type="tns:Metadata"/>
          <xs:element name="body" type="xs:string"><xs:annotation><xs:documentation>The body as the text of a JSON object.</xs:documentation></xs:annotation></xs:element>
          <xs:element name="idempotencyKey" type="xs:string" minOccurs="0"/>
        </xs:all></xs:complexType>
      </xs:element>
      <xs:element name="PublishEventResponse">
        <xs:complexType><xs:sequence>
          <xs:element name="topic" type="xs:string"/>
          <xs:element name="partition" type="xs:int"/>
          <xs:element name="offset" type="xs:long"/>
          <xs:element name="id" type="xs:string"/>
          <xs:element name="token" type="xs:string"/>
          <xs:element name="deprecated" type="xs:boolean" minOccurs="0"/>
        </xs:sequence></xs:complexType>
      </xs:element>
      <xs:element name="problem">
        <xs:complexType><xs:sequence>
          <xs:element name="status" type="xs:int"/>
          <xs:element name="code" type="xs:string"/>
          <xs:element name="detail" type="xs:string"/>
          <xs:element name="fault" minOccurs="0" maxOccurs="unbounded">
            <xs:complexType><xs:sequence>
              <xs:element name="code" type="xs:string"/>
              <xs:element name="pointer" type="xs:string"/>
              <xs:element name="message" type="xs:string"/>
            </xs:sequence></xs:complexType>
          </xs:element>
        </xs:sequence></xs:complexType>
      </xs:element>
    </xs:schema>
  </wsdl:types>
  <wsdl:message name="PublishEvent"><wsdl:part name="parameters" element="tns:PublishEvent"/></wsdl:message>
  <wsdl:message name="PublishEventResponse"><wsdl:part name="parameters" element="tns:PublishEventResponse"/></wsdl:message>
  <wsdl:message name="Problem"><wsdl:part name="problem" element="tns:problem"/></wsdl:message>
  <wsdl:portType name="Intake">
    <wsdl:operation name="PublishEvent">
      <wsdl:input message="tns:PublishEvent"/><wsdl:output message="tns:PublishEventResponse"/><wsdl:fault name="Problem" message="tns:Problem"/>
    </wsdl:operation>
  </wsdl:portType>{{range $name, $soap := .Bindings}}
  <wsdl:binding name="{{$name}}" type="tns:Intake">
    <{{$soap}}:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <wsdl:operation name="PublishEvent">
      <{{$soap}}:operation soapAction="{{$.Space}}:PublishEvent"/>
      <wsdl:input><{{$soap}}:body use="literal"/></wsdl:input><wsdl:output><{{$soap}}:body use="literal"/></wsdl:output>
      <wsdl:fault name="Problem"><{{$soap}}:fault name="Problem" use="literal"/></wsdl:fault>
    </wsdl:operation>
  </wsdl:binding>{{end}}
  <wsdl:service name="Intake">{{range $name, $soap := .Bindings}}
    <wsdl:port name="{{$name}}" binding="tns:{{$name}}"><{{$soap}}:address location="{{xml $.Address}}"/></wsdl:port>{{end}}
  </wsdl:service>
</wsdl:definitions>
`))

func serveWSDL(w http.ResponseWriter, r *http.Request) {
	if !r.URL.Query().Has("wsdl") && !r.URL.Query().Has("WSDL") {
		http.Error(w, "POST a SOAP envelope here; ?wsdl describes it", http.StatusBadRequest)
		return
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	var texts []string
	for a, names := range nvoNames {
		if attribute(a) != attrSynthetic && attribute(a) != attrTags {
			texts = append(texts, names[1])
		}
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	_ = wsdl.Execute(w, map[string]any{ // the client may be gone
		"Space": soapSpace, "Texts": texts, "MaxTags": maxTags, "Address": scheme + "://" + r.Host + "/soap/events",
		"Bindings": map[string]string{"IntakeSoap11": "soap", "IntakeSoap12": "soap12"},
	})
}
