/** @file The XMP packet (ISO 16684-1): that a picture is generated, and our own record where a format has no other place. */
import { version } from '../../version.ts';

/** IPTC's words for where a picture comes from (cv.iptc.org/newscodes/digitalsourcetype). */
const sourceTypes = {
  generated: 'http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia',
  composite: 'http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia',
} as const;
type SourceType = keyof typeof sourceTypes;

const tag = 'loraStudio:picture';
const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeXml = (text: string): string =>
  text
    .replace(/[&<>"]/g, sign => escapes[sign])
    // Not allowed in XML; inside JSON they stand only in strings.
    .replace(
      /[\u007f-\u009f\ufffe\uffff]/g,
      sign => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );

interface XmpFacts {
  readonly sourceType?: SourceType | undefined;
  /** Our record, JSON. */
  readonly json?: string | undefined;
}

/** No time is written, so that equal pictures have equal bytes. */
export function xmpPacket({ sourceType, json }: XmpFacts): string {
  const source = sourceType && sourceTypes[sourceType];
  return [
    '<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?>',
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">',
    '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"',
    ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:loraStudio="urn:lora-studio:picture#">',
    `<xmp:CreatorTool>lora-studio ${version}</xmp:CreatorTool>`,
    ...(source ? [`<Iptc4xmpExt:DigitalSourceType>${source}</Iptc4xmpExt:DigitalSourceType>`] : []),
    ...(json === undefined ? [] : [`<${tag}>${escapeXml(json)}</${tag}>`]),
    '</rdf:Description></rdf:RDF></x:xmpmeta>',
    '<?xpacket end="r"?>',
  ].join('');
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replace(
    /&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9a-f]{1,6}));/gi,
    (whole, name, ten, hex) => {
      if (name) return entities[String(name).toLowerCase()];
      const code = hex ? Number.parseInt(hex, 16) : Number(ten);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}

function between(text: string, start: string, end: string): string | undefined {
  const from = text.indexOf(start);
  const to = from < 0 ? -1 : text.indexOf(end, from + start.length);
  return to < 0 ? undefined : text.slice(from + start.length, to);
}

/** Our record in a packet, as an element or, where an editor rewrote it, as an attribute. */
export function jsonInXmp(xmp: string): string | undefined {
  const found =
    between(xmp, `<${tag}>`, `</${tag}>`) ?? between(xmp, `${tag}="`, '"') ?? between(xmp, `${tag}='`, "'");
  return found === undefined ? undefined : unescapeXml(found);
}

/** The user comment of a packet, where Draw Things writes. */
export function commentInXmp(xmp: string): string | undefined {
  const comment = between(xmp, '<exif:UserComment>', '</exif:UserComment>');
  const item = comment === undefined ? undefined : between(comment, '<rdf:li', '</rdf:li>');
  return item === undefined ? undefined : unescapeXml(item.slice(item.indexOf('>') + 1));
}
