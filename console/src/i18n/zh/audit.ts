export default {
  title: "审计",
};
