// A style is usually named after its mood: the name follows the mood until somebody types another.
const name = document.querySelector("#style-name");
let typed = name.value !== "";
const follow = () => {
  if (!typed) name.value = document.querySelector("input[name=emotion]:checked")?.value ?? "";
};
name.addEventListener("input", () => { typed = name.value !== ""; });
document.addEventListener("change", (event) => {
  if (event.target.name === "emotion") follow();
});
follow();
