// Real bytes for the attachments: from the disk, drawn, or recorded beforehand.

/** A file's bytes in base64. */
export function bytesOf(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(String(reader.result).split(",", 2)[1] ?? ""));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(file);
  });
}

/** The file that is chosen, or null. */
export function askFile(input, accept) {
  return new Promise((resolve) => {
    input.value = "";
    input.accept = accept;
    input.onchange = () => resolve(input.files[0] ?? null);
    input.oncancel = () => resolve(null);
    input.click();
  });
}

/** A picture drawn on the spot: a parcel with a dent. */
export function samplePhoto() {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [640, 420];
  const pen = canvas.getContext("2d");
  const sky = pen.createLinearGradient(0, 0, 0, 420);
  sky.addColorStop(0, "#dfe9ef");
  sky.addColorStop(1, "#b9c7cf");
  const box = [["#b98a55", [[150, 150], [330, 190], [330, 360], [150, 310]]], ["#cfa06a", [[330, 190], [500, 140], [500, 300], [330, 360]]], ["#dcb481", [[150, 150], [320, 105], [500, 140], [330, 190]]], ["#8f6437", [[200, 220], [262, 236], [240, 288], [206, 262]]]];
  pen.fillStyle = sky;
  pen.fillRect(0, 0, 640, 420);
  for (const [colour, [first, ...rest]] of box) {
    pen.fillStyle = colour;
    pen.beginPath();
    pen.moveTo(...first);
    for (const point of rest) pen.lineTo(...point);
    pen.fill();
  }
  return new Promise((resolve) => {
    canvas.toBlob((blob) => resolve(bytesOf(blob)), "image/png");
  });
}

/** The voice note that lies beside this file. */
export async function voiceNote() {
  const answer = await fetch("/phone/static/voice.ogg");
  return bytesOf(await answer.blob());
}
